//! Messages compressed one after the other, with or without a shared window.

use flate2::{Decompress, FlushDecompress, Status};

use crate::wire::Message;

/// Inflates the messages of one direction.
#[derive(Debug)]
pub(super) struct Inflater {
    stream: Decompress,
    takes_over: bool,
    /// How much came out of the current message.
    out_bytes: u64,
    /// Something was not deflate, or much too much of it: no further message can be read.
    lost: bool,
}

/// A message that inflates to more than this is a bomb; it is not followed to its end.
const INFLATED_BYTES_MAX: u64 = 256 << 20;

impl Inflater {
    pub(super) fn new(takes_over: bool) -> Self {
        Self {
            stream: Decompress::new(false),
            takes_over,
            out_bytes: 0,
            lost: false,
        }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        let mut buffer = [0; 4096];
        while !self.lost {
            let (read, written) = (self.stream.total_in(), self.stream.total_out());
            let status = self
                .stream
                .decompress(bytes, &mut buffer, FlushDecompress::Sync);
            let read = (self.stream.total_in() - read) as usize;
            let written = (self.stream.total_out() - written) as usize;
            bytes = &bytes[read..];
            self.out_bytes += written as u64;
            let room = Message::KEPT_BYTES_MAX.saturating_sub(out.len());
            out.extend_from_slice(&buffer[..written.min(room)]);
            match status {
                // How much of it comes out before the mistake hangs on how the bytes were cut, and
                // none of that is to be relied on.
                Err(_) => {
                    self.lost = true;
                    out.clear();
                }
                // A sender may end its stream; what follows begins a new one.
                Ok(Status::StreamEnd) => self.stream.reset(false),
                Ok(_) if read == 0 && written == 0 => break,
                Ok(_) => {}
            }
            self.lost |= self.out_bytes > INFLATED_BYTES_MAX;
        }
    }

    /// The message is complete: the four bytes its sender left out are put back.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.feed(&[0, 0, 0xff, 0xff], out);
        self.out_bytes = 0;
        if !self.takes_over {
            self.stream.reset(false);
            self.lost = false;
        }
    }
}
