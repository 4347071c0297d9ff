//! One bit for each of many.

/// One bit for each of many; what was never set is not.
#[derive(Debug, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// So many bits, all alike.
    pub(super) fn filled(count: usize, set: bool) -> Self {
        let mut words = vec![if set { u64::MAX } else { 0 }; count.div_ceil(64)];
        if let (true, Some(last)) = (set && !count.is_multiple_of(64), words.last_mut()) {
            *last = (1 << (count % 64)) - 1;
        }
        Self { words }
    }

    pub(super) fn get(&self, at: u32) -> bool {
        let word = self.words.get(at as usize / 64);
        word.is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    pub(super) fn set(&mut self, at: u32, bit: bool) {
        let word = at as usize / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let mask = 1 << (at % 64);
        if bit {
            self.words[word] |= mask;
        } else {
            self.words[word] &= !mask;
        }
    }

    /// Which are set, ascending.
    pub(super) fn ones(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(n, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.checked_sub(1)?;
                Some(n as u32 * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_told_in_order() {
        let mut bits = Bits::filled(70, true);
        assert_eq!(bits.ones().collect::<Vec<_>>(), (0..70).collect::<Vec<_>>());
        bits.set(64, false);
        bits.set(200, true);
        let last: Vec<u32> = bits.ones().filter(|n| *n > 62).collect();
        assert_eq!(last, [63, 65, 66, 67, 68, 69, 200]);
        assert!(bits.get(200) && !bits.get(201) && !bits.get(64) && !bits.get(9_999));
        assert_eq!(Bits::filled(128, false).ones().next(), None);
    }
}
