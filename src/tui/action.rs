//! Everything a key can mean.

/// What a person can ask the screen to do. Each has a key and a line in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// Leave.
    Quit,
    /// Put the program to sleep (Ctrl-Z).
    Suspend,
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// A screenful up.
    PageUp,
    /// A screenful down.
    PageDown,
    /// The first line.
    First,
    /// The last line.
    Last,
    /// Chip or tab to the left.
    Left,
    /// Chip or tab to the right.
    Right,
    /// The next blocked fetch.
    NextBlocked,
    /// The blocked fetch before.
    PreviousBlocked,
    /// Keys go to the other pane.
    SwitchPane,
    /// Keys go to the detail pane.
    Open,
    /// One step back; never leaves.
    Back,
    /// A tab by its number, from 1.
    Tab(u8),
    /// Show or hide the preflights of this line.
    Fold,
    /// Stay with the newest.
    Follow,
    /// Stop the list from growing.
    Pause,
    /// Bring back what was hidden.
    ShowAll,
    /// Hide everything captured so far.
    Clear,
    /// Type a filter.
    Filter,
    /// Copy the header lines of the fix, or what is shown.
    Copy,
    /// Copy the request as a curl command.
    CopyCurl,
    /// Choose what to copy it as.
    CopyAs,
    /// Write the shown body to a file.
    SaveBody,
    /// Leave the mouse to the terminal, or take it back.
    FreeMouse,
    /// Copy a brief for a colleague or a coding assistant.
    CopyBrief,
    /// Try the fix in flight.
    TryFix,
    /// Stop all trial fixes.
    StopTrial,
    /// Pass a host through unread, or read it again.
    PassThrough,
    /// Show the browser's own traffic.
    Chatter,
    /// Give the detail pane the whole screen.
    Zoom,
    /// Launch a browser.
    Launch,
    /// Do it again as the browser would.
    Replay,
    /// Edit it, then do it again.
    EditReplay,
    /// Keys for where you are.
    Help,
    /// Every action, searchable.
    Palette,
    /// Choose columns, order and groups.
    Columns,
    /// The fix in the server's own words.
    Fix,
    /// Mark the selected request, or take the mark away.
    Mark,
    /// Write a comment on the selected request.
    Comment,
    /// The next marked request.
    NextMarked,
    /// The whole picture: coverage and checklist.
    Whole,
    /// The selected request beside the marked one.
    Compare,
    /// Look for a text in what the pane shows.
    Find,
    /// The next place where it was found.
    NextFound,
    /// The place before.
    PreviousFound,
    /// Show one level of a body more.
    UnfoldLevel,
    /// Show one level less.
    FoldLevel,
    /// Show a body in the next way: laid out, as it came, in hex.
    NextMode,
    /// Break long lines, or let them go on beyond the edge.
    Wrap,
    /// Move long lines to the right.
    PanLeft,
    /// Move long lines to the left.
    PanRight,
    /// Copy the line with the cursor.
    CopyLine,
    /// Write a paper.
    Export,
}

impl Action {
    /// What it is called in the configuration.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::Suspend => "suspend",
            Self::Up => "up",
            Self::Down => "down",
            Self::PageUp => "page-up",
            Self::PageDown => "page-down",
            Self::First => "first",
            Self::Last => "last",
            Self::Left => "left",
            Self::Right => "right",
            Self::NextBlocked => "next-blocked",
            Self::PreviousBlocked => "previous-blocked",
            Self::SwitchPane => "switch-pane",
            Self::Open => "open",
            Self::Back => "back",
            Self::Tab(1) => "verdict",
            Self::Tab(2) => "headers",
            Self::Tab(3) => "request",
            Self::Tab(4) => "response",
            Self::Tab(5) => "preflight",
            Self::Tab(6) => "timing",
            Self::Tab(7) => "cookies",
            Self::Tab(_) => "messages",
            Self::Fold => "fold",
            Self::Follow => "follow",
            Self::Pause => "pause",
            Self::ShowAll => "bring-back",
            Self::Clear => "clear",
            Self::Filter => "filter",
            Self::Copy => "copy",
            Self::CopyCurl => "copy-curl",
            Self::CopyAs => "copy-as",
            Self::SaveBody => "save-body",
            Self::FreeMouse => "free-mouse",
            Self::CopyBrief => "copy-brief",
            Self::TryFix => "try-fix",
            Self::StopTrial => "stop-trial",
            Self::PassThrough => "pass-through",
            Self::Chatter => "browser-chatter",
            Self::Zoom => "zoom",
            Self::Launch => "browser",
            Self::Replay => "replay",
            Self::EditReplay => "edit-replay",
            Self::Help => "help",
            Self::Palette => "palette",
            Self::Columns => "columns",
            Self::Fix => "fix",
            Self::Mark => "mark",
            Self::Comment => "comment",
            Self::NextMarked => "next-marked",
            Self::Whole => "whole-picture",
            Self::Compare => "compare",
            Self::Find => "find",
            Self::NextFound => "next-found",
            Self::PreviousFound => "previous-found",
            Self::UnfoldLevel => "unfold-level",
            Self::FoldLevel => "fold-level",
            Self::NextMode => "view",
            Self::Wrap => "wrap",
            Self::PanLeft => "pan-left",
            Self::PanRight => "pan-right",
            Self::CopyLine => "copy-line",
            Self::Export => "export",
        }
    }

    /// Whether it is about the text in the pane.
    pub(crate) fn turns_text(self) -> bool {
        matches!(
            self,
            Self::Find
                | Self::NextFound
                | Self::PreviousFound
                | Self::UnfoldLevel
                | Self::FoldLevel
                | Self::NextMode
                | Self::Wrap
                | Self::PanLeft
                | Self::PanRight
                | Self::CopyLine
        )
    }
}
