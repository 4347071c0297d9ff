//! A body saved to a file: all of it, or said how much.

use std::io::Write as _;

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

#[test]
fn a_body_in_a_broken_coding_is_saved_with_a_word_of_it() {
    let text: Vec<u8> = (0..40_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_string().into_bytes())
        .collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text).unwrap();
    let gzip = gzip.finish().unwrap();
    let junk: Vec<u8> = (0..64_u8).map(|n| n.wrapping_mul(37) | 0x80).collect();
    let half = gzip[..gzip.len() / 2].to_vec();
    let reader = session(|recorder| {
        for (coding, body) in [
            ("gzip", gzip.clone()),
            ("gzip", half.clone()),
            ("br", junk.clone()),
            ("br", b"plain text".to_vec()),
        ] {
            let call = Call::fetch("GET", "/v1/report", 200).says("content-encoding", coding);
            call.body(body).play(recorder, 0, 10);
        }
    });
    assert_eq!(saved(&reader, 1), (text.len() as u64, None));
    let (bytes, amiss) = saved(&reader, 2);
    assert!(bytes > 10_000 && bytes < text.len() as u64, "{bytes}");
    assert_eq!(amiss.as_deref(), Some("gzip is cut off before its end"));
    let (bytes, amiss) = saved(&reader, 3);
    assert_eq!(bytes, junk.len() as u64);
    assert_eq!(
        amiss.as_deref(),
        Some("as it came: br is broken or cut off")
    );
    assert_eq!(saved(&reader, 4), (10, None));
}
