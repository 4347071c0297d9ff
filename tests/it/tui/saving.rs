//! A body saved to a file: all of it, or said how much.

use corscope::session::{Options, Reader, Session};
use corscope::tui::pour;
use corscope::wire::{End, ExchangeId, Failure, FailureKind, FailureStage, Side};

use super::capture::{Call, session};

fn saved(reader: &Reader, id: u64) -> (u64, Option<String>) {
    let mut out = Vec::new();
    let (bytes, amiss) = pour(reader, ExchangeId(id), Side::Response, &mut out).unwrap();
    assert_eq!(bytes, out.len() as u64);
    (bytes, amiss)
}

fn lost() -> End {
    End::Failed(Failure {
        stage: FailureStage::Receive,
        kind: FailureKind::Reset,
        detail: "the server closed the connection".into(),
    })
}

#[test]
fn a_body_that_broke_off_is_not_passed_off_as_whole() {
    let reader = session(|recorder| {
        for end in [End::Complete, End::Aborted, lost()] {
            let mut call = Call::fetch("GET", "/v1/report", 200).body("half of it");
            call.end = end;
            call.play(recorder, 0, 10);
        }
    });
    assert_eq!(saved(&reader, 1), (10, None));
    let (bytes, amiss) = saved(&reader, 2);
    let amiss = amiss.unwrap();
    assert!(
        bytes == 10 && amiss.contains("the browser went away"),
        "{amiss}"
    );
    let amiss = saved(&reader, 3).1.unwrap();
    assert!(amiss.contains("incomplete: the server closed"), "{amiss}");
}

#[test]
fn a_body_of_which_only_the_beginning_was_kept_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        kept_bytes_max: 1_000,
        ..Options::new(folder.path().join("cap.corscope"))
    };
    let (session, recorder) = Session::create(options).unwrap();
    let long = "x".repeat(5_000);
    Call::fetch("GET", "/long", 200)
        .body(long)
        .play(&recorder, 0, 10);
    let reader = session.reader();
    session.finish().unwrap();
    let (bytes, amiss) = saved(&reader, 1);
    assert_eq!(bytes, 1_000);
    let amiss = amiss.unwrap();
    assert!(
        amiss.contains("incomplete: only 1.0 kB of 5.0 kB"),
        "{amiss}"
    );
}
