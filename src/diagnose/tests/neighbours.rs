//! Roots are not mistaken for their neighbours, and what else is behind is told and cited.

use std::collections::BTreeSet;

use super::roots::{LET_IN, Told, cause_of};
use super::*;

#[test]
fn neighbours_are_not_mistaken() {
    let no = |conversation: &[Told<'_>], root: Root| {
        let found = cause_of(conversation).and_then(|c| c.root);
        assert_ne!(found, Some(root), "{conversation:?}");
    };
    let html = "Content-Type: text/html";
    // An error that script can read is no cause at all.
    assert_eq!(cause_of(&[("GET /x", 500, LET_IN, "")]), None);
    // A page that is a fragment of HTML is not the front end.
    no(&[("GET /x", 200, html, "<p>hello")], Root::SpaFallback);
    // Text about CORS on a success refuses nothing.
    no(
        &[("GET /x", 200, html, "our cors policy")],
        Root::ExplicitRefusal,
    );
    // A list of two foreign origins is one layer's mistake.
    let list = "Access-Control-Allow-Origin: https://app.test, https://b.test";
    no(&[("GET /x", 200, list, "")], Root::DuplicateCorsLayers);
    // A 404 of the preflight alone does not say that the URL is wrong.
    no(&[("OPTIONS:PUT /x", 404, "", "")], Root::WrongUrl);
    // The same path without a success of the same endpoint proves nothing about errors.
    no(
        &[("GET /y", 200, LET_IN, ""), ("GET /x", 400, "", "")],
        Root::ErrorResponseWithoutCors,
    );
    // Success for another origin is no evidence that errors lose the header.
    let other = "Access-Control-Allow-Origin: https://b.test";
    no(
        &[
            ("GET /x @https://b.test", 200, other, ""),
            ("GET /x", 400, "", ""),
        ],
        Root::ErrorResponseWithoutCors,
    );
    // One's own host is nobody else's API.
    no(
        &[(
            "GET https://www.google.com/x @https://mail.google.com",
            200,
            "",
            "",
        )],
        Root::ThirdPartyApi,
    );
    no(
        &[("GET https://www.google.com/x", 500, "", "")],
        Root::ThirdPartyApi,
    );
    // Another path on the development server is not the same API.
    no(
        &[
            (
                "GET http://localhost:5173/api/other @http://localhost:5173",
                200,
                "",
                "",
            ),
            ("GET /api/cart", 200, "", ""),
        ],
        Root::DevProxyMasksCors,
    );
    // Not from a cache, and so not stale.
    no(
        &[(
            "GET /x",
            200,
            "Age: 0\nAccess-Control-Allow-Origin: https://b.test",
            "",
        )],
        Root::CachedResponseWrongOrigin,
    );
    // The redirect does not go to a login.
    no(
        &[(
            "OPTIONS:PUT /x",
            302,
            "Location: https://b.test/authors",
            "",
        )],
        Root::RedirectLogin,
    );
    // `null` from a sandboxed frame was not redirected.
    no(
        &[(
            "GET /x @null",
            200,
            "Access-Control-Allow-Origin: https://app.test",
            "",
        )],
        Root::TaintedRedirect,
    );
    // The failing answer is the preflight, so the actual lacks nothing yet.
    no(
        &[("OPTIONS:PUT /x", 204, "", "")],
        Root::PreflightOkActualMissingHeaders,
    );
}

#[test]
fn what_else_is_behind_it_is_told_and_cited() {
    let cause = cause_of(&[
        ("OPTIONS:PUT /x", 204, LET_IN, ""),
        ("PUT /x", 500, "", "boom"),
    ])
    .expect("blocked");
    assert_eq!(cause.root, Some(Root::ServerError));
    assert_eq!(cause.also, [Root::ErrorResponseWithoutCors]);

    let cited = |conversation: &[Told<'_>]| -> Vec<u64> {
        let cause = cause_of(conversation).expect("blocked");
        let last = conversation.len() as u64 - 1;
        let mut ids: Vec<u64> = cause.evidence.iter().map(|e| e.exchange.0).collect();
        ids.retain(|id| *id != last);
        ids
    };
    // The latest successes of this endpoint, at most two.
    let good = ("GET /u/7", 200, LET_IN, "{}");
    assert_eq!(
        cited(&[good, good, good, ("GET /u/8", 500, "", "")]),
        [2, 1]
    );
    assert_eq!(
        cited(&[good, ("GET /z", 200, LET_IN, ""), ("GET /u/8", 422, "", "")]),
        [0]
    );
    assert_eq!(cited(&[("GET /u/8", 422, "", "")]), [0_u64; 0]);
}

#[test]
fn a_line_is_cited_once() {
    let cause = cause_of(&[("OPTIONS:PUT /x", 302, "Location: /y", "")]).expect("blocked");
    let mut seen = BTreeSet::new();
    for proof in &cause.evidence {
        let place = format!("{:?} {:?} {:?}", proof.exchange, proof.part, proof.name);
        assert!(seen.insert(place), "{:?}", cause.evidence);
    }
}
