//! The columns of the list: which there are, which are shown, and where.
/// A column of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    Number,
    Method,
    Status,
    Origin,
    Path,
    Initiator,
    Type,
    Protocol,
    Connection,
    Cookies,
    Size,
    Time,
    Waterfall,
    Cors,
}

impl Column {
    /// In the order of the screen.
    pub(crate) const ALL: [Self; 14] = [
        Self::Number,
        Self::Method,
        Self::Status,
        Self::Origin,
        Self::Path,
        Self::Initiator,
        Self::Type,
        Self::Protocol,
        Self::Connection,
        Self::Cookies,
        Self::Size,
        Self::Time,
        Self::Waterfall,
        Self::Cors,
    ];

    /// Shown unless chosen otherwise.
    pub(crate) const USUAL: [Self; 10] = [
        Self::Number,
        Self::Method,
        Self::Status,
        Self::Origin,
        Self::Path,
        Self::Type,
        Self::Size,
        Self::Time,
        Self::Waterfall,
        Self::Cors,
    ];

    /// As a person types it.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Method => "method",
            Self::Status => "status",
            Self::Origin => "origin",
            Self::Path => "path",
            Self::Initiator => "initiator",
            Self::Type => "type",
            Self::Protocol => "protocol",
            Self::Connection => "connection",
            Self::Cookies => "set-cookies",
            Self::Size => "size",
            Self::Time => "time",
            Self::Waterfall => "waterfall",
            Self::Cors => "cors",
        }
    }

    /// As its heading has it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Number => "#",
            Self::Method => "Method",
            Self::Status => "Status",
            Self::Origin => "Origin",
            Self::Path => "Path",
            Self::Initiator => "Initiator",
            Self::Type => "Type",
            Self::Protocol => "Protocol",
            Self::Connection => "Conn",
            Self::Cookies => "Cookies",
            Self::Size => "Size",
            Self::Time => "Time",
            Self::Waterfall => "Waterfall",
            Self::Cors => "CORS",
        }
    }

    /// What it shows, for the column chooser.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Number => "number of the request in the session",
            Self::Method => "method",
            Self::Status => "status, and the verdict's sign",
            Self::Origin => "scheme, host and port of the server",
            Self::Path => "path and query",
            Self::Initiator => "origin of the page that asked",
            Self::Type => "doc, js, css, img, fetch, ws…",
            Self::Protocol => "HTTP version to the server",
            Self::Connection => "number of the connection to the server",
            Self::Cookies => "how many Set-Cookie lines the answer has",
            Self::Size => "bytes of the answer's body on the wire",
            Self::Time => "from opening to the end",
            Self::Waterfall => "when, with waiting and receiving",
            Self::Cors => "the cause in a few words",
        }
    }

    /// Numbers stand at the right.
    pub(crate) fn at_right(self) -> bool {
        matches!(
            self,
            Self::Number | Self::Connection | Self::Cookies | Self::Size | Self::Time
        )
    }
}

/// Which columns are shown, in which order, and how wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Those that are shown, as they stand.
    columns: Vec<Column>,
    /// All of them; what is hidden stands where it would be shown.
    order: Vec<Column>,
    /// Widths given by hand; 0 where the content decides.
    widths: [u16; Column::ALL.len()],
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            columns: Column::USUAL.to_vec(),
            order: Column::ALL.to_vec(),
            widths: [0; Column::ALL.len()],
        }
    }
}

impl Shown {
    /// These columns, in this order.
    pub(crate) fn of(columns: &[Column]) -> Self {
        let mut order: Vec<Column> = Vec::with_capacity(Column::ALL.len());
        for column in columns {
            if !order.contains(column) {
                order.push(*column);
            }
        }
        if order.is_empty() {
            return Self::default();
        }
        let columns = order.clone();
        // What is hidden stands behind what it usually stands behind.
        for (at, column) in Column::ALL.iter().enumerate() {
            if !order.contains(column) {
                let before = at.checked_sub(1).map(|at| Column::ALL[at]);
                let before = before.and_then(|b| order.iter().position(|c| *c == b));
                order.insert(before.map_or(0, |b| b + 1), *column);
            }
        }
        Self {
            columns,
            order,
            ..Self::default()
        }
    }

    /// All columns, as they stand or would.
    pub(crate) fn order(&self) -> &[Column] {
        &self.order
    }

    /// Moves a column to the right or to the left, by one.
    pub(crate) fn shift(&mut self, column: Column, right: bool) {
        let Some(at) = self.order.iter().position(|c| *c == column) else {
            return;
        };
        let to = if right { at + 1 } else { at.wrapping_sub(1) };
        if to < self.order.len() {
            self.order.swap(at, to);
            let shown = std::mem::take(&mut self.columns);
            self.show(&shown);
        }
    }

    fn show(&mut self, columns: &[Column]) {
        let in_order = self.order.iter().copied();
        self.columns = in_order.filter(|c| columns.contains(c)).collect();
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub(crate) fn has(&self, column: Column) -> bool {
        self.columns.contains(&column)
    }

    /// Shows or hides a column; the last one stays.
    pub(crate) fn toggle(&mut self, column: Column) {
        let mut columns = self.columns.clone();
        match columns.iter().position(|c| *c == column) {
            Some(at) if columns.len() > 1 => {
                columns.remove(at);
            }
            Some(_) => {}
            None => columns.push(column),
        }
        self.show(&columns);
    }

    /// The width given by hand.
    pub(crate) fn width(&self, column: Column) -> Option<u16> {
        Some(self.widths[column as usize]).filter(|w| *w > 0)
    }

    /// Gives a width by hand; `None` lets the content decide again.
    pub(crate) fn set_width(&mut self, column: Column, width: Option<u16>) {
        self.widths[column as usize] = width.map_or(0, |w| w.clamp(3, 200));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_keep_their_order_and_one_always_stays() {
        let mut shown = Shown::default();
        shown.toggle(Column::Protocol);
        let at = |c| shown.columns().iter().position(|x| *x == c);
        assert!(at(Column::Type) < at(Column::Protocol) && at(Column::Protocol) < at(Column::Size));
        for column in Column::ALL {
            if shown.has(column) {
                shown.toggle(column);
            }
        }
        assert_eq!(shown.columns().len(), 1);
    }

    #[test]
    fn columns_stand_where_a_person_puts_them() {
        let mut shown = Shown::of(&[Column::Cors, Column::Method, Column::Origin, Column::Cors]);
        assert_eq!(
            shown.columns(),
            [Column::Cors, Column::Method, Column::Origin]
        );
        assert_eq!(shown.order().len(), Column::ALL.len());
        shown.toggle(Column::Path);
        assert_eq!(shown.columns().last(), Some(&Column::Path));
        while shown.columns().first() != Some(&Column::Path) {
            shown.shift(Column::Path, false);
        }
        for _ in 0..40 {
            shown.shift(Column::Cors, true);
        }
        assert_eq!(
            shown.columns(),
            [Column::Path, Column::Method, Column::Origin, Column::Cors]
        );
        shown.toggle(Column::Method);
        shown.toggle(Column::Method);
        assert_eq!(shown.columns()[1], Column::Method);
    }
}
