//! What a snippet has to grant is read off the whole session, and no more than that.

use super::story::{Story, asks};

#[test]
fn a_session_of_one_owner_is_taken_together() {
    let mut story = Story::default();
    let other = asks("https://admin.app.test", "DELETE", "x-trace");
    let cookie = [("Origin", "https://app.test"), ("Cookie", "sid=1")];
    let failed = asks("https://app.test", "PUT", "authorization,content-type");
    story
        .add("OPTIONS https://api.app.test/cart/7", &other, 404, &[])
        .add(
            "GET https://api.app.test/cart/8",
            &cookie,
            200,
            &[("Access-Control-Expose-Headers", "X-Total, ETag")],
        )
        .add(
            "OPTIONS https://api.app.test/cart/9",
            &failed,
            204,
            &[
                ("Access-Control-Allow-Origin", "https://app.test"),
                ("Access-Control-Allow-Methods", "GET, PATCH"),
                ("Access-Control-Allow-Headers", "Content-Type, X-Api-Key"),
            ],
        );
    let needs = story.fix().needs;
    assert_eq!(
        needs.origins,
        ["https://app.test", "https://admin.app.test"]
    );
    assert_eq!(needs.methods, ["GET", "PUT", "PATCH", "DELETE"]);
    assert_eq!(
        needs.headers,
        ["authorization", "content-type", "x-api-key", "x-trace"]
    );
    assert_eq!(needs.expose, ["x-total", "etag"]);
    assert!(needs.credentials, "a cookie was seen on this endpoint");
}

#[test]
fn strangers_and_other_endpoints_add_nothing() {
    let mut story = Story::default();
    let stranger = asks("https://evil.test", "DELETE", "x-evil");
    let plain = asks("http://app.test", "PATCH", "x-plain");
    let elsewhere = asks("https://app.test", "DELETE", "x-other");
    let star = [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", "*"),
        ("Access-Control-Allow-Headers", "*"),
    ];
    story
        .add("OPTIONS https://api.app.test/cart", &stranger, 204, &star)
        .add("OPTIONS https://api.app.test/cart", &plain, 404, &[])
        .add("OPTIONS https://api.app.test/other", &elsewhere, 404, &[])
        .add(
            "GET https://api.app.test/cart",
            &[("Origin", "null")],
            200,
            &[],
        )
        .add(
            "OPTIONS https://api.app.test/cart",
            &asks("https://app.test", "PUT", "x-a"),
            404,
            &[],
        );
    let needs = story.fix().needs;
    assert_eq!(needs.origins, ["https://app.test"]);
    assert_eq!(needs.methods, ["PUT"]);
    assert_eq!(needs.headers, ["x-a"]);
    assert!(needs.expose.is_empty() && !needs.credentials);
}
