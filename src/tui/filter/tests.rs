//! What filters mean, and that none can break the reader.

use proptest::prelude::*;

use super::subject::{Found, Subject};
use super::{Filter, KEYS, STATES};
use crate::cors::{Check, Outcome};
use crate::diagnose::{Role, Root};
use crate::wire::ExchangeId;

fn orders() -> Subject<'static> {
    Subject {
        id: 7,
        method: "GET",
        status: Some(500),
        server: "https://api.app.test:8443",
        path: "/v1/Orders?page=2",
        type_: "fetch",
        page_origin: Some("https://app.test"),
        outcome: Outcome::Blocked,
        check: Some(Check::MissingAllowOrigin),
        root: Some(Root::ServerError),
        role: Some(Role::Actual),
        size: 120_000,
        time: Some(450_000),
        protocol: "h2",
        connection: Some(3),
        comment: Some("ask Ada"),
        ..Subject::default()
    }
}

#[test]
fn what_holds_and_what_does_not() {
    for yes in [
        "",
        "orders",
        "GET",
        "500",
        "host:api",
        "host:8443",
        "status:5xx",
        "status:500-",
        "status:404,5xx",
        "status:>=500",
        "status:<600",
        "is:blocked",
        "is:bl",
        "cors:blocked",
        "cause:missing-allow",
        "cause:server-error",
        "root:server",
        "-is:allowed",
        "-method:put orders",
        "\"orders?page\"",
        "https://api.app.test:8443/v1",
        "api.app.test:8443",
        "origin:app.test",
        "port:8443",
        "scheme:https",
        "host:",
        "-",
        "not",
        "is:cross-origin",
        "type:xhr",
        "server-error",
        "size:>100k",
        "larger-than:100k",
        "size:100k-1M",
        "time:300ms-1s",
        "slower-than:400",
        "time:>",
        "status:>=",
        "cart or orders",
        "cart OR (orders and is:blocked)",
        "(orders",
        "orders or",
        "not (cart or put)",
        "!cart",
        "path:~^/v\\d+/orders",
        "~orders\\?page=\\d",
        "host:~(api|auth)",
        "path:~\"or ders|orders\"",
        "protocol:h2",
        "connection:3",
        "comment:ada",
        "ada",
        "method:put,get",
        "(is:blocked or status:>=400) -path:health",
    ] {
        let (filter, error) = Filter::parse(yes);
        assert_eq!(error, None, "{yes}");
        assert!(
            filter.matches(&orders()),
            "{yes} should let it through: {filter:?}"
        );
    }
    for no in [
        "cart",
        "-orders",
        "status:4xx",
        "status:400-499",
        "is:allowed",
        "host:app.test:9",
        "method:put",
        "type:doc",
        "host:v1",
        "scheme:http",
        "port:443",
        "status:>500",
        "size:<100k",
        "time:1s-",
        "cart or put",
        "orders cart",
        "orders and not is:blocked",
        "path:~^/v\\d$",
        "not orders",
        "-(orders or cart)",
        "size:<0",
        "comment:bob",
        "\"and\"",
    ] {
        let (filter, error) = Filter::parse(no);
        assert_eq!(error, None, "{no}");
        assert!(!filter.matches(&orders()), "{no} should not: {filter:?}");
    }
}

#[test]
fn a_mistake_has_its_place_and_the_nearest_right_thing() {
    for (text, at, told) in [
        (
            "api hots:x",
            4..8,
            "unknown key \"hots\": did you mean host:?",
        ),
        ("-staus:5xx", 1..6, "did you mean status:?"),
        ("status:abc", 7..10, "no status"),
        ("is:blokced", 3..10, "did you mean blocked?"),
        ("cors:open", 5..9, "unknown outcome"),
        ("size:big", 5..8, "no size"),
        ("time:soon", 5..9, "no time"),
        ("path:~[", 5..7, "no regular expression"),
        ("api)", 3..4, "no ( for this )"),
    ] {
        let error = Filter::parse(text)
            .1
            .unwrap_or_else(|| panic!("{text} is fine"));
        assert_eq!(error.at, at, "{text}");
        assert!(error.message.contains(told), "{}", error.message);
    }
}

#[test]
fn the_rest_of_a_wrong_filter_still_holds() {
    let (filter, error) = Filter::parse("cart hots:x");
    assert!(error.is_some() && !filter.matches(&orders()));
}

#[test]
fn of_what_was_not_looked_up_nothing_passes_either_way() {
    let (filter, error) = Filter::parse("body:stock,shelf or not header:x-cache");
    assert_eq!((error, filter.deep().len()), (None, 3));
    let matches = |found: Option<&Found>| filter.matches(&Subject { found, ..orders() });
    assert!(!matches(None));
    let mut found = Found::new(ExchangeId(1), 3);
    assert!(!matches(Some(&found)));
    found.hit(1, ExchangeId(7));
    assert!(
        matches(Some(&found)),
        "one body has it, whatever the header says"
    );
    let mut found = Found::new(ExchangeId(1), 3);
    found.looked_at(ExchangeId(8));
    assert!(matches(Some(&found)), "it has no such header");
    found.hit(2, ExchangeId(7));
    assert!(!matches(Some(&found)));
}

/// Pieces that filters are made of, and some that they are not.
fn piece() -> impl Strategy<Value = String> {
    let keys: Vec<String> = KEYS.iter().map(|(k, _)| format!("{k}:")).collect();
    let states: Vec<String> = STATES.iter().map(|s| (*s).to_owned()).collect();
    let signs = [
        "(", ")", "-", "!", "not ", " and ", " or ", " ", ",", "\"", "~", "\\", ":", ">", "<=",
        "5xx", "400-499", "100k", "1s-2s", "é", "日", "\u{202e}", "[a-z]+", "|", "\t",
    ];
    let signs: Vec<String> = signs.iter().map(|s| (*s).to_owned()).collect();
    prop_oneof![
        proptest::sample::select(keys),
        proptest::sample::select(states),
        proptest::sample::select(signs),
        "[a-z0-9/.]{0,6}",
        ".{0,3}",
    ]
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}") {
        let (filter, error) = Filter::parse(&text);
        let _ = filter.matches(&orders());
        if let Some(error) = error {
            prop_assert!(text.get(error.at.clone()).is_some(), "{:?} is no place in {text:?}", error.at);
        }
    }

    #[test]
    fn what_is_written_out_is_read_back(pieces in proptest::collection::vec(piece(), 0..20)) {
        let text: String = pieces.concat();
        let (filter, error) = Filter::parse(&text);
        if let Some(error) = error {
            prop_assert!(text.get(error.at).is_some());
        }
        let written = filter.to_string();
        let (again, error) = Filter::parse(&written);
        prop_assert_eq!(error, None, "{} from {}", written, text);
        prop_assert_eq!(&again, &filter, "{} from {}", written, text);
    }

    #[test]
    fn nesting_has_an_end(open in 0_usize..5000) {
        let _ = Filter::parse(&"(-".repeat(open));
        let _ = Filter::parse(&"not ".repeat(open));
    }

    #[test]
    fn a_suggestion_fits_where_it_says(pieces in proptest::collection::vec(piece(), 0..8), cursor in 0_usize..60) {
        let text: String = pieces.concat();
        for suggestion in super::suggestions(&text, cursor, &[]) {
            prop_assert!(text.get(suggestion.at).is_some());
        }
    }
}
