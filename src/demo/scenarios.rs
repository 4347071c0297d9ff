//! The page's calls, in the order it makes them: what works first, then what is broken, each in a
//! way that people meet.

use std::time::Duration;

use crate::cors::{Check, Outcome, Stage};
use crate::diagnose::Root;

use super::making::{answer, blocked, fine, get, send, with_token};
use super::scenario::{Answer, Body, Call, Fault, How, Scenario, Seen};
use super::site::{Party, Site};

/// Every scenario, its URLs filled in.
pub(super) fn all(site: &Site) -> Vec<Scenario> {
    vec![
        works(site),
        sign_in(site),
        server_error(site),
        options_405(site),
        options_401(site),
        actual_without_headers(site),
        wildcard_with_credentials(site),
        trailing_slash(site),
        two_allow_origins(site),
        authorization_not_allowed(site),
        preflight_redirect(site),
        no_cors(site),
        event_stream(site),
        web_socket(site),
    ]
}

fn works(site: &Site) -> Scenario {
    Scenario {
        id: "works",
        title: "Load the products",
        story: "Nothing is wrong: the page's origin is let in.",
        call: get(site.url(Party::Api, "/v1/products?page=1")),
        preflight: None,
        actual: answer(200, 42)
            .header("Access-Control-Allow-Origin", site.origin(Party::Page))
            .header("Access-Control-Allow-Credentials", "true")
            .header("Vary", "Origin")
            .header("Cache-Control", "no-store")
            .header("X-Powered-By", "Express")
            .json(
                r#"{"page":1,"products":[{"id":7,"name":"Teapot","price":24.5},{"id":9,"name":"Kettle","price":39}]}"#,
            ),
        expected: fine(Seen::Ok, Outcome::Allowed),
    }
}

fn sign_in(site: &Site) -> Scenario {
    Scenario {
        id: "sign-in",
        title: "Sign in",
        story: "Nothing is wrong: preflight and answer both let the page in with its cookies.",
        call: Call {
            include_credentials: true,
            ..send(
                "POST",
                site.url(Party::Api, "/v1/session"),
                r#"{"user":"ada","password":"correct horse"}"#,
            )
        },
        preflight: Some(
            answer(204, 9)
                .header("Access-Control-Allow-Origin", site.origin(Party::Page))
                .header("Access-Control-Allow-Credentials", "true")
                .header("Access-Control-Allow-Methods", "POST")
                .header("Access-Control-Allow-Headers", "content-type")
                .header("Access-Control-Max-Age", "600")
                .header("Vary", "Origin"),
        ),
        actual: answer(200, 95)
            .header("Access-Control-Allow-Origin", site.origin(Party::Page))
            .header("Access-Control-Allow-Credentials", "true")
            .header("Vary", "Origin")
            // Without SameSite=None a cookie is not sent to another site.
            .header(
                "Set-Cookie",
                "sid=5f3c0e9a; Path=/; HttpOnly; Secure; SameSite=None",
            )
            .header("X-Powered-By", "Express")
            .json(r#"{"user":"ada","roles":["customer"]}"#),
        expected: fine(Seen::Ok, Outcome::Allowed),
    }
}

fn server_error(site: &Site) -> Scenario {
    Scenario {
        id: "server-error",
        title: "Load the orders",
        story: "The handler crashes on a missing table; the error page has no CORS headers.",
        call: get(site.url(Party::Api, "/v1/orders")),
        preflight: None,
        actual: answer(500, 64).header("X-Powered-By", "Express").json(
            r#"{"error":"relation \"orders\" does not exist","code":"42P01","query":"SELECT * FROM orders WHERE customer_id = $1 ORDER BY placed_at DESC","stack":["error: relation \"orders\" does not exist","    at Parser.parseErrorMessage (/srv/app/node_modules/pg-protocol/dist/parser.js:285:98)","    at async listOrders (/srv/app/routes/orders.js:41:18)"]}"#,
        ),
        expected: blocked(
            Fault {
                check: Check::MissingAllowOrigin,
                stage: Stage::Actual,
                sub: None,
            },
            Some(Root::ServerError),
        ),
    }
}

fn options_405(site: &Site) -> Scenario {
    Scenario {
        id: "options-405",
        title: "Change the cart",
        story: "The router knows GET and PUT of this path, but nobody answers OPTIONS.",
        call: send(
            "PUT",
            site.url(Party::Api, "/v1/cart/7"),
            r#"{"quantity":2}"#,
        ),
        preflight: Some(
            answer(405, 12)
                .header("Allow", "GET, PUT")
                .header("Server", "gunicorn")
                .json(r#"{"detail":"Method Not Allowed"}"#),
        ),
        actual: answer(200, 30)
            .header("Access-Control-Allow-Origin", site.origin(Party::Page))
            .header("Vary", "Origin")
            .header("Server", "gunicorn")
            .json(r#"{"id":7,"quantity":2}"#),
        expected: blocked(
            Fault {
                check: Check::MissingAllowOrigin,
                stage: Stage::Preflight,
                sub: None,
            },
            Some(Root::PreflightNotHandled),
        ),
    }
}

fn options_401(site: &Site) -> Scenario {
    Scenario {
        id: "options-401",
        title: "Load the profile",
        story: "Authentication runs before CORS and asks the preflight for a token it cannot have.",
        call: with_token(get(site.url(Party::Auth, "/v1/profile"))),
        preflight: Some(
            answer(401, 15)
                .header("WWW-Authenticate", "Bearer realm=\"accounts\"")
                .header("Server", "Kestrel")
                .json(r#"{"title":"Unauthorized","status":401,"detail":"No bearer token"}"#),
        ),
        actual: answer(200, 33)
            .header("Access-Control-Allow-Origin", site.origin(Party::Page))
            .header("Vary", "Origin")
            .header("Server", "Kestrel")
            .json(r#"{"name":"Ada Lovelace","mail":"ada@example.com"}"#),
        expected: blocked(
            Fault {
                check: Check::MissingAllowOrigin,
                stage: Stage::Preflight,
                sub: None,
            },
            Some(Root::PreflightBlockedByAuth),
        ),
    }
}

fn actual_without_headers(site: &Site) -> Scenario {
    Scenario {
        id: "actual-without-headers",
        title: "Check out",
        story: "OPTIONS is answered by the gateway as it should be, the application adds nothing.",
        call: send(
            "POST",
            site.url(Party::Api, "/v1/checkout"),
            r#"{"cart":7,"pay":"invoice"}"#,
        ),
        preflight: Some(
            answer(204, 7)
                .header("Access-Control-Allow-Origin", site.origin(Party::Page))
                .header("Access-Control-Allow-Methods", "POST")
                .header("Access-Control-Allow-Headers", "content-type")
                .header("Access-Control-Max-Age", "600")
                .header("Vary", "Origin")
                .header("Server", "nginx/1.27.3"),
        ),
        actual: answer(201, 120)
            .header("Location", "/v1/orders/1842")
            .header("Server", "nginx/1.27.3")
            .json(r#"{"order":1842,"total":63.5}"#),
        expected: blocked(
            Fault {
                check: Check::MissingAllowOrigin,
                stage: Stage::Actual,
                sub: None,
            },
            Some(Root::PreflightOkActualMissingHeaders),
        ),
    }
}

fn wildcard_with_credentials(site: &Site) -> Scenario {
    Scenario {
        id: "wildcard-with-credentials",
        title: "Who am I?",
        story: "The call sends cookies, the answer lets everybody in: the two do not go together.",
        call: Call {
            include_credentials: true,
            ..get(site.url(Party::Api, "/v1/me"))
        },
        preflight: None,
        actual: answer(200, 18)
            .header("Access-Control-Allow-Origin", "*")
            .header("X-Powered-By", "Express")
            .json(r#"{"user":"ada","cart":7}"#),
        expected: blocked(
            Fault {
                check: Check::WildcardOriginNotAllowed,
                stage: Stage::Actual,
                sub: None,
            },
            None,
        ),
    }
}

fn trailing_slash(site: &Site) -> Scenario {
    Scenario {
        id: "trailing-slash",
        title: "Load the tags",
        story: "The configured origin ends in a slash, which no origin does.",
        call: get(site.url(Party::Api, "/v1/tags")),
        preflight: None,
        actual: answer(200, 14)
            .header("Access-Control-Allow-Origin", site.url(Party::Page, "/"))
            .header("Vary", "Origin")
            .header("X-Powered-By", "Express")
            .json(r#"["new","sale","tea"]"#),
        expected: blocked(
            Fault {
                check: Check::AllowOriginMismatch,
                stage: Stage::Actual,
                sub: Some("trailing-slash"),
            },
            None,
        ),
    }
}

fn two_allow_origins(site: &Site) -> Scenario {
    Scenario {
        id: "two-allow-origins",
        title: "Load the prices",
        story: "The application and the proxy in front of it each add the header.",
        call: get(site.url(Party::Api, "/v1/prices?currency=EUR")),
        preflight: None,
        actual: answer(200, 26)
            .header("Server", "nginx/1.27.3")
            .header("Access-Control-Allow-Origin", site.origin(Party::Page))
            .header("Vary", "Origin")
            .header("X-Powered-By", "Express")
            .header("Access-Control-Allow-Origin", "*")
            .json(r#"{"currency":"EUR","7":22.9,"9":36.4}"#),
        expected: blocked(
            Fault {
                check: Check::MultipleAllowOriginValues,
                stage: Stage::Actual,
                sub: Some("duplicate-headers"),
            },
            Some(Root::DuplicateCorsLayers),
        ),
    }
}

fn authorization_not_allowed(site: &Site) -> Scenario {
    let mut expected = blocked(
        Fault {
            check: Check::HeaderDisallowed,
            stage: Stage::Preflight,
            sub: None,
        },
        None,
    );
    expected.missing = &["authorization"];
    Scenario {
        id: "authorization-not-allowed",
        title: "Rename the account",
        story: "The preflight answer grants content-type and forgets authorization.",
        call: with_token(send(
            "PATCH",
            site.url(Party::Auth, "/v1/account"),
            r#"{"name":"Ada King"}"#,
        )),
        preflight: Some(
            answer(204, 8)
                .header("Access-Control-Allow-Origin", site.origin(Party::Page))
                .header(
                    "Access-Control-Allow-Methods",
                    "GET, POST, PUT, PATCH, DELETE",
                )
                .header(
                    "Access-Control-Allow-Headers",
                    "content-type, x-requested-with",
                )
                .header("Access-Control-Max-Age", "600")
                .header("Vary", "Origin")
                .header("Server", "Kestrel"),
        ),
        actual: answer(200, 40)
            .header("Access-Control-Allow-Origin", site.origin(Party::Page))
            .header("Vary", "Origin")
            .header("Server", "Kestrel")
            .json(r#"{"name":"Ada King"}"#),
        expected,
    }
}

fn preflight_redirect(site: &Site) -> Scenario {
    let mut expected = blocked(
        Fault {
            check: Check::DisallowedRedirect,
            stage: Stage::Preflight,
            sub: None,
        },
        Some(Root::RedirectHttpToHttps),
    );
    // Chromium looks at the redirect first, Firefox at the headers.
    expected.fault_in_firefox = Some(Fault {
        check: Check::MissingAllowOrigin,
        stage: Stage::Preflight,
        sub: None,
    });
    let path = "/v1/reviews";
    let onwards = || {
        answer(308, 4)
            .header("Location", site.url(Party::Api, path))
            .header("Server", "nginx/1.27.3")
            .html("<html><head><title>308 Permanent Redirect</title></head><body><center><h1>308 Permanent Redirect</h1></center><hr><center>nginx</center></body></html>\n")
    };
    Scenario {
        id: "preflight-redirect",
        title: "Write a review",
        story: "The page still calls http; the server sends even the preflight on to https.",
        call: send(
            "POST",
            site.url(Party::OldApi, path),
            r#"{"product":7,"stars":5}"#,
        ),
        preflight: Some(onwards()),
        actual: onwards(),
        expected,
    }
}

fn no_cors(site: &Site) -> Scenario {
    Scenario {
        id: "no-cors",
        title: "Count the visit",
        story: "mode: 'no-cors' made the error go away, and the answer with it.",
        call: Call {
            how: How::NoCors,
            headers: Vec::new(),
            ..send(
                "POST",
                site.url(Party::Stats, "/track"),
                r#"{"event":"visit","page":"/"}"#,
            )
        },
        preflight: None,
        actual: answer(200, 11).json(r#"{"visits":1284,"campaign":"spring"}"#),
        expected: fine(Seen::Opaque, Outcome::Opaque),
    }
}

fn event_stream(site: &Site) -> Scenario {
    Scenario {
        id: "event-stream",
        title: "Follow the delivery",
        story: "Nothing is wrong: an event stream the page may read.",
        call: Call {
            how: How::EventSource,
            ..get(site.url(Party::Live, "/delivery/1842"))
        },
        preflight: None,
        actual: Answer {
            body: Body::Events(Duration::from_millis(400)),
            ..answer(200, 10)
                .header("Access-Control-Allow-Origin", site.origin(Party::Page))
                .header("Access-Control-Allow-Credentials", "true")
                .header("Vary", "Origin")
                .header("Cache-Control", "no-store")
                .header("Content-Type", "text/event-stream")
        },
        expected: fine(Seen::Ok, Outcome::Allowed),
    }
}

fn web_socket(site: &Site) -> Scenario {
    let url = site.url(Party::Live, "/chat");
    Scenario {
        id: "web-socket",
        title: "Chat with the shop",
        story: "Nothing is wrong: CORS does not apply to WebSockets.",
        call: Call {
            how: How::WebSocket,
            ..get(url.replacen("https:", "wss:", 1))
        },
        preflight: None,
        actual: Answer {
            body: Body::Upgrade,
            ..answer(101, 6)
        },
        expected: fine(Seen::Ok, Outcome::Exempt),
    }
}
