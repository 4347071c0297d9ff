//! The columns of the list: which there are, which are shown.
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

/// Which columns are shown and how wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    columns: Vec<Column>,
    /// Widths given by hand; 0 where the content decides.
    widths: [u16; Column::ALL.len()],
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            columns: Column::USUAL.to_vec(),
            widths: [0; Column::ALL.len()],
        }
    }
}

impl Shown {
    /// These columns, in the order of the screen.
    pub(crate) fn of(columns: &[Column]) -> Self {
        let in_order = Column::ALL.into_iter().filter(|c| columns.contains(c));
        let mut columns: Vec<Column> = in_order.collect();
        if columns.is_empty() {
            columns = Column::USUAL.to_vec();
        }
        Self {
            columns,
            ..Self::default()
        }
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
        let widths = self.widths;
        *self = Self::of(&columns);
        self.widths = widths;
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
}
