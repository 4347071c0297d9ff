//! What keys and mouse do.
use super::capture::{Call, PAGE, session, shop};
use super::driver::{Person, live};

fn person() -> Person {
    Person::before(session(shop), live(), 120, 36)
}

#[test]
fn bang_walks_through_what_is_blocked_and_around() {
    let mut person = person();
    let paths: Vec<String> = (0..5).map(|_| person.types("!").selected()).collect();
    for (line, path) in paths.iter().zip([
        "/v1/orders",
        "/v1/cart/7",
        "/v1/me",
        "/v1/tags",
        "/v1/orders",
    ]) {
        assert!(line.contains(path), "{line}");
    }
    assert!(
        paths[1].contains("PUT"),
        "the wanted method, not OPTIONS: {}",
        paths[1]
    );
}

#[test]
fn the_cause_is_in_the_list() {
    let screen = person().screen();
    for cause in [
        "server error 500",
        "OPTIONS → 405",
        "* with credentials",
        "trailing slash",
        "no-cors",
    ] {
        assert!(screen.contains(cause), "no {cause} on\n{screen}");
    }
}

#[test]
fn esc_steps_back_and_never_quits() {
    let mut person = person();
    person.types("/orders<Enter><Enter><Esc><Esc><Esc><Esc><Esc>");
    assert!(!person.left);
    assert!(
        person.screen().contains("/main.js"),
        "the filter is gone again"
    );
    person.types("q");
    assert!(person.left);
}

#[test]
fn esc_and_a_key_typed_fast_arrive_as_one() {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    let mut person = person();
    person.types("/abc");
    let q = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT);
    person.happens(corscope::tui::Event::Key(q));
    assert!(person.left);
}

#[test]
fn ctrl_c_leaves_from_anywhere() {
    for before in ["", "<Enter>", "/abc", "?"] {
        let mut person = person();
        person.types(before).types("<Ctrl-c>");
        assert!(person.left, "after {before:?}");
    }
}

#[test]
fn a_q_in_the_filter_is_a_letter() {
    let mut person = person();
    assert!(person.types("/q?!p").screen().contains("/ q?!p"));
    assert!(!person.left);
}

#[test]
fn the_filter_works_while_it_is_typed() {
    let mut person = person();
    let listed = |person: &mut Person| {
        let screen = person.screen();
        ["/v1/orders", "/main.js", "/track", "/v1/me"]
            .map(|p| screen.lines().skip(3).take(14).any(|l| l.contains(p)))
    };
    person.types("/status:5");
    assert_eq!(listed(&mut person), [true, false, false, false]);
    person.types("<Ctrl-u>-is:blocked type:fetch");
    assert_eq!(listed(&mut person), [false, false, true, false]);
    // A mistake keeps the last good result and says what is wrong.
    person.types(" hots:x");
    assert_eq!(listed(&mut person), [false, false, true, false]);
    assert!(person.screen().contains("did you mean host:"));
    person.types("<Esc>");
    assert_eq!(listed(&mut person), [true, true, true, true]);
}

#[test]
fn a_preflight_of_the_filter_finds_its_request() {
    let screen = person().types("/method:OPTIONS<Enter>").screen();
    assert!(
        screen.contains("PUT") && screen.contains("DELETE"),
        "{screen}"
    );
}

#[test]
fn space_folds_and_unfolds_preflights() {
    let mut person = person();
    let options = |person: &mut Person| person.screen().matches("└ OPTIONS").count();
    assert_eq!(
        options(&mut person),
        1,
        "open where the preflight failed, folded where not"
    );
    person.types("!! ");
    assert_eq!(options(&mut person), 0);
    person.types(" <Down>");
    assert!(person.selected().contains("└ OPTIONS"));
}

#[test]
fn chips_choose_kinds() {
    let mut person = person();
    let screen = person.types("<Right>").screen();
    assert!(
        screen.contains("/v1/orders") && !screen.contains("/main.js"),
        "Blocked:\n{screen}"
    );
    let screen = person.types("<Esc>").click_on(" JS ").screen();
    assert!(
        screen.contains("/main.js") && !screen.contains("/v1/orders"),
        "JS:\n{screen}"
    );
}

#[test]
fn the_mouse_selects_lines_and_tabs() {
    let mut person = person();
    person.click_on("/v1/tags");
    assert!(person.selected().contains("/v1/tags"));
    let screen = person.click_on("Headers").screen();
    assert!(screen.contains("Asked ↔ granted"), "{screen}");
}

#[test]
fn copy_gives_the_whole_body_unbroken() {
    let mut person = person();
    person.types("!4y");
    let copied = person.copied.take().unwrap();
    assert!(copied.contains("\"took\": 1.50"), "{copied}");
    person.types("2y");
    let copied = person.copied.take().unwrap();
    assert!(
        copied.contains("Response headers") && copied.contains("content-type: application/json"),
        "{copied}"
    );
}

#[test]
fn json_keeps_order_and_duplicates() {
    let screen = person().types("/method:delete<Enter>4").screen();
    let at = |part: &str| {
        screen
            .find(part)
            .unwrap_or_else(|| panic!("no {part} on\n{screen}"))
    };
    assert!(at("\"z\": 1") < at("\"a\": 2") && at("\"a\": 2") < at("\"a\": 3"));
}

#[test]
fn cleared_is_hidden_and_comes_back() {
    let mut person = person();
    assert!(person.types("x").screen().contains("hidden"));
    assert!(person.types("X").screen().contains("/v1/orders"));
}

#[test]
fn the_selection_stays_while_rows_arrive() {
    let (live_session, recorder) = corscope::session::Session::in_memory(None, 1).unwrap();
    shop(&recorder);
    let reader = live_session.reader();
    let wait = |rows: usize| {
        let started = std::time::Instant::now();
        while reader.len() < rows {
            assert!(
                started.elapsed().as_secs() < 10,
                "the session never heard of row {rows}"
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    wait(12);
    let mut person = Person::before(reader.clone(), live(), 120, 24);
    person.types("g<Down>");
    let before = person.selected();
    assert!(before.contains("/main.js"), "{before}");
    for n in 0..50 {
        Call::own(&format!("/late/{n}"), "image", "image/png", "x").play(&recorder, 300 + n, 1);
    }
    wait(62);
    person.happens(corscope::tui::Event::Captured);
    // Number, method and status; the verdict beside them may settle meanwhile.
    let left_of = |line: &str| line.trim().chars().take(16).collect::<String>();
    assert_eq!(left_of(&person.selected()), left_of(&before));
    // The end follows.
    assert!(person.types("G").selected().contains("/late/49"));
    drop(recorder);
    live_session.finish().unwrap();
}

#[test]
fn the_browsers_own_traffic_is_counted_and_shown_on_demand() {
    let reader = session(|recorder| {
        Call::new("GET", "https://update.googleapis.com/service/update2", 200).play(recorder, 0, 5);
        Call::own("/", "document", "text/html", "<p>").play(recorder, 10, 5);
    });
    let mut person = Person::before(reader, live(), 120, 36);
    let screen = person.screen();
    assert!(
        !screen.contains("update2") && screen.contains("1 of the browser itself hidden"),
        "{screen}"
    );
    assert!(person.types("B").screen().contains("update2"));
}

#[test]
fn curl_is_told_apart_from_a_browser() {
    let reader = session(|recorder| {
        let mut call = Call::new("GET", "http://127.0.0.1:3000/api", 200).json("{}");
        call.request = vec![
            ("user-agent", "curl/8.5.0".to_owned()),
            ("origin", PAGE.to_owned()),
        ];
        call.play(recorder, 0, 5);
    });
    let screen = Person::before(reader, live(), 120, 36).screen();
    assert!(screen.contains("not a browser"), "{screen}");
    assert!(screen.contains("Postman"), "{screen}");
}

#[test]
fn the_palette_does_what_a_key_would() {
    let mut person = person();
    assert!(person.types(":").screen().contains("Commands"));
    person.types("next block<Enter>");
    assert!(person.selected().contains("/v1/orders"));
    let screen = person.types(":column protocol<Enter>").screen();
    assert!(screen.contains("Protocol"), "{screen}");
    let screen = person.types(":no such thing").screen();
    assert!(screen.contains("nothing is called that"), "{screen}");
    assert!(!person.types("<Esc>").screen().contains("Commands"));
}

#[test]
fn a_dialog_gives_the_keys_back_to_where_they_were() {
    let mut person = person();
    let before = person.types("!<Enter>").screen();
    assert_eq!(person.types("?<Esc>").screen(), before);
    assert_eq!(person.types(":<Esc>").screen(), before);
    // A click beside it closes it too.
    assert_eq!(person.types(":").click(0, 3).screen(), before);
}

#[test]
fn the_help_is_searched() {
    let screen = person().types("?/follow").screen();
    assert!(screen.contains("follow the newest"), "{screen}");
    assert!(!screen.contains("next blocked"), "{screen}");
}

#[test]
fn keys_of_the_configuration() {
    let text = "[keys]\nnext-blocked = \"n\"\n[filters]\ncrashes = \"status:5xx\"\n";
    let options = corscope::tui::Options {
        settings: corscope::tui::Settings::parse(text).unwrap(),
        ..live()
    };
    let mut person = Person::before(session(shop), options, 120, 36);
    assert!(person.types("gn").selected().contains("/v1/orders"));
    let screen = person.types("?").screen();
    assert!(screen.contains("n                next blocked"), "{screen}");
}

#[test]
fn a_column_is_as_wide_as_it_is_dragged() {
    use crossterm::event::{MouseButton, MouseEventKind};
    let mut person = person();
    let header = |person: &mut Person| {
        let screen = person.screen();
        screen.lines().nth(2).unwrap().to_owned()
    };
    let line = header(&mut person);
    let edge = (line.find("Path").unwrap() - 1) as u16;
    person.mouse(MouseEventKind::Down(MouseButton::Left), edge, 2);
    person.mouse(MouseEventKind::Drag(MouseButton::Left), edge - 8, 2);
    person.mouse(MouseEventKind::Up(MouseButton::Left), edge - 8, 2);
    let dragged = header(&mut person);
    assert_eq!(dragged.find("Path").unwrap() as u16, edge - 7, "{dragged}");
    let screen = person.screen();
    assert!(screen.contains(" api.app.test:8443 /v1/orders"), "{screen}");
}

#[test]
fn bodies_and_headers_of_the_whole_session_are_searched() {
    let mut person = person();
    let listed = |person: &mut Person| {
        let screen = person.screen();
        let rows = screen
            .lines()
            .skip(3)
            .take_while(|l| !l.contains("Verdict"));
        rows.filter(|l| l.contains("https://")).count()
    };
    person.types("/body:\"does not exist\"");
    assert_eq!(listed(&mut person), 1);
    assert!(person.screen().contains("/v1/orders"));
    // In a message of a socket.
    person.types("<Ctrl-u>body:~hel+o");
    assert!(person.screen().contains("/feed"), "{}", person.screen());
    person.types("<Ctrl-u>header:\"vary: origin\" or set-cookie:samesite");
    assert_eq!(listed(&mut person), 3);
    person.types("<Ctrl-u>type:fetch -header:access-control-allow-origin");
    assert!(person.screen().contains("/v1/orders") && !person.screen().contains("/v1/me "));
}

#[test]
fn the_filter_box_completes_remembers_and_keeps() {
    let mut person = person();
    assert!(person.types("/sta").screen().contains("status:"));
    person.types("<Tab>5x");
    assert!(person.screen().contains("status:5x"), "{}", person.screen());
    person.types("<Tab><Enter>");
    assert!(person.selected().contains("/v1/orders"));
    // It is offered again, and taken with two keys.
    person.types("<Esc>/");
    assert!(person.screen().contains("used before"));
    person.types("<Down><Enter><Enter>");
    assert!(person.screen().contains("/ status:5xx"));
    let screen = person.types("/<Ctrl-s>crashes<Enter>").screen();
    assert!(screen.contains("kept as \"crashes\""), "{screen}");
    let screen = person.types("<Esc>:crash").screen();
    assert!(screen.contains("filter: crashes"), "{screen}");
}

#[test]
fn marks_and_comments_are_seen_and_found() {
    let mut person = person();
    person.types("!mMask Ada<Enter>!!m");
    let screen = person.screen();
    assert!(screen.contains("◆ ask Ada server error"), "{screen}");
    person.types("g'");
    assert!(
        person.selected().contains("/v1/orders"),
        "{}",
        person.selected()
    );
    person.types("'");
    assert!(
        person.selected().contains("/v1/me"),
        "{}",
        person.selected()
    );
    let screen = person.types("/is:marked<Enter>").screen();
    assert!(screen.contains("2 of 11"), "{screen}");
    let screen = person.types("<Esc>/comment:ada<Enter>m").screen();
    assert!(screen.contains("0 of 11"), "no longer marked:\n{screen}");
}

/// The paths of the list, from the top.
fn paths(person: &mut Person) -> Vec<String> {
    let screen = person.screen();
    let rows = screen
        .lines()
        .skip(3)
        .take_while(|l| !l.contains("Verdict"));
    rows.filter_map(|line| {
        let (_, path) = line.split_once(".test")?;
        Some(
            path.split_whitespace()
                .find(|w| w.starts_with('/'))?
                .to_owned(),
        )
    })
    .collect()
}

#[test]
fn a_click_on_a_heading_sorts_by_it() {
    let mut person = person();
    let arrived = paths(&mut person);
    person.types("g").click_on("Path");
    let mut sorted = arrived.clone();
    sorted.sort();
    assert_eq!(paths(&mut person), sorted);
    assert!(
        person.selected().contains("app.test          / "),
        "it stays selected"
    );
    person.click_on("Path▲");
    sorted.reverse();
    let mut down = paths(&mut person);
    // Equal ones stay in the order of arrival; here that is one pair of paths.
    down.sort_by(|a, b| b.cmp(a));
    assert_eq!(down, sorted);
    person.click_on("Path▼");
    assert_eq!(paths(&mut person), arrived);
    person.types(":sort by size<Enter>");
    let screen = person.screen();
    let top = screen.lines().nth(3).unwrap();
    assert!(top.contains("81 B"), "largest first: {top}");
}

#[test]
fn groups_have_headings_that_are_lines_of_their_own() {
    let mut person = person();
    person.types("gC").types("gg<Esc>");
    let screen = person.screen();
    let heading = screen
        .lines()
        .find(|l| l.starts_with(" ▾ https://api.app.test"));
    assert!(
        heading.is_some_and(|l| l.contains("5 requests  ✖ 4 blocked")),
        "{screen}"
    );
    person.types("g");
    let mut headings = 0;
    for _ in 0..16 {
        headings += usize::from(person.types("<Down>").selected().contains("──"));
    }
    assert_eq!(headings, 4, "each but the first, once on the way down");
    let screen = person.types(":group by verdict<Enter>").screen();
    let first = screen.lines().nth(3).unwrap();
    assert!(first.starts_with(" ▾ blocked"), "{screen}");
    let screen = person.types(":group by nothing<Enter>").screen();
    assert!(!screen.contains("▾ blocked"), "{screen}");
}

#[test]
fn what_comes_is_sorted_in() {
    let (live_session, recorder) = corscope::session::Session::in_memory(None, 1).unwrap();
    let reader = live_session.reader();
    let mut person = Person::before(reader.clone(), live(), 120, 36);
    person.types(":sort by path<Enter>");
    for name in ["m", "z", "a", "q"] {
        Call::own(&format!("/{name}"), "image", "image/png", "x").play(&recorder, 0, 1);
    }
    drop(recorder);
    live_session.finish().unwrap();
    for _ in 0..100 {
        person.happens(corscope::tui::Event::Captured);
    }
    assert_eq!(paths(&mut person), ["/a", "/m", "/q", "/z"]);
}

#[test]
fn the_whole_picture_leads_to_the_proof() {
    let mut person = person();
    let screen = person.types("o").screen();
    for part in [
        "The whole picture: https://api.app.test:8443 (1 of ",
        "GET /v1/orders",
        "✖ 500",
        "PUT /v1/cart/*",
        "✖ Allow-Origin is an origin, exactly",
        "Before it goes live",
    ] {
        assert!(screen.contains(part), "no {part} on\n{screen}");
    }
    // The first fault of the chosen endpoint; then one of the checklist.
    person.types("<Down><Down><Enter>");
    let path = person.selected();
    assert!(path.contains("/v1/") || path.contains("OPTIONS"), "{path}");
    person.types("o<Tab><Down><Down><Enter>");
    assert!(
        person.selected().contains("/v1/tags"),
        "{}",
        person.selected()
    );
    // What hides the proof gives way.
    person.types("/method:delete<Enter>o<Tab><Down><Down><Enter>");
    assert!(
        person.selected().contains("/v1/tags"),
        "{}",
        person.selected()
    );
}

#[test]
fn a_chain_of_redirects_is_folded_into_one_line() {
    let capture = session(|recorder| {
        for (at, path, to) in [(0, "/v1/old", "/v1/newer"), (20, "/v1/newer", "/v1/newest")] {
            Call::fetch("GET", path, 302)
                .says("access-control-allow-origin", PAGE)
                .says("location", to)
                .play(recorder, at, 10);
        }
        Call::fetch("GET", "/v1/newest", 200)
            .says("access-control-allow-origin", PAGE)
            .json("{}")
            .play(recorder, 40, 10);
    });
    let mut person = Person::before(capture, live(), 140, 36);
    let screen = person.screen();
    assert!(screen.contains("/v1/newest"), "{screen}");
    assert!(screen.contains("✔"), "{screen}");
    assert!(!screen.contains("redirected"), "folded: {screen}");
    let unfolded = person.types("g ").screen();
    let hops: Vec<&str> = unfolded.lines().filter(|l| l.contains("└")).collect();
    assert_eq!(hops.len(), 2, "{unfolded}");
    for (hop, path) in hops.iter().zip(["/v1/old", "/v1/newer"]) {
        assert!(hop.contains(path) && hop.contains("302"), "{hop}");
        assert!(hop.contains("redirected"), "{hop}");
    }
    // Each hop is an exchange of its own in the pane.
    assert!(person.types("<Down>").selected().contains("/v1/old"));
    assert!(person.types("2").screen().contains("location"));
}

#[test]
fn sorting_goes_on_when_the_list_is_filtered() {
    let mut person = person();
    let paths = |person: &mut Person| -> Vec<String> {
        let screen = person.screen();
        let lines = screen.lines().filter(|l| l.contains("https://"));
        let lines = lines.take_while(|l| !l.contains("Verdict"));
        let path = |l: &str| {
            l.split_whitespace()
                .find(|w| w.starts_with('/'))
                .map(str::to_owned)
        };
        lines.filter_map(path).collect()
    };
    // The columns' dialog: path is the fifth.
    person.types("gC<Down><Down><Down><Down>s<Esc>");
    let all = paths(&mut person);
    assert!(all.len() > 5 && all.is_sorted(), "{all:?}");
    person.types("/v1<Enter>");
    let some = paths(&mut person);
    assert!(some.len() < all.len() && some.is_sorted(), "{some:?}");
    assert!(some.iter().all(|path| path.starts_with("/v1")), "{some:?}");
    person.types("<Esc>");
    assert_eq!(paths(&mut person), all);
}

#[test]
fn columns_stay_where_they_are_while_one_scrolls() {
    let reader = session(|recorder| {
        for n in 0..200_u64 {
            let path = if n % 50 == 49 {
                format!("/v1/customers/{n}/orders")
            } else {
                "/v1/a".to_owned()
            };
            Call::fetch("GET", &path, if n % 40 == 7 { 500 } else { 200 })
                .says("access-control-allow-origin", PAGE)
                .play(recorder, n, 5);
        }
    });
    for (columns, rows) in [(80, 24), (120, 36), (200, 60)] {
        let mut person = Person::before(reader.clone(), live(), columns, rows);
        let heading = |person: &mut Person| {
            let screen = person.screen();
            let line = screen.lines().nth(2).unwrap_or_default();
            line.split('│')
                .next()
                .unwrap_or_default()
                .trim_end()
                .to_owned()
        };
        let first = heading(person.types("g"));
        assert!(first.contains("Path"), "{first}");
        for keys in ["<PgDn>", "<PgDn>", "G", "<Up><Up><Up>", "<PgUp>", "g"] {
            assert_eq!(heading(person.types(keys)), first, "{keys} at {columns}");
        }
    }
}

#[test]
fn a_filter_that_is_nearly_right_is_explained() {
    for (typed, said) in [
        ("stauts:500", "did you mean status:?"),
        ("status=500", "a key ends with a colon: status:500"),
        ("path~^/v1/(me|tags)", "path:~^/v1/(me|tags)"),
        ("time>20ms", "time:>20ms"),
    ] {
        let screen = person().types(&format!("/{typed}")).screen();
        assert!(screen.contains(said), "{typed}: {screen}");
        assert!(screen.contains('^'), "{typed}: {screen}");
    }
    // What people paste is a word all the same.
    for word in [
        "localhost:3000",
        "a=b",
        "type=json",
        "status=active",
        "https://api.app.test/x?status=500",
    ] {
        let screen = person().types(&format!("/{word}")).screen();
        assert!(
            !screen.contains("did you mean") && !screen.contains("a key ends"),
            "{screen}"
        );
    }
}

#[test]
fn errors_have_chips_while_there_are_some() {
    let mut person = person();
    let screen = person.screen();
    assert!(
        screen.contains("4xx 1") && screen.contains("5xx 1"),
        "{screen}"
    );
    let screen = person.click_on("5xx 1").screen();
    assert!(
        screen.contains("/v1/orders") && !screen.contains("/v1/tags"),
        "{screen}"
    );
    // The preflight is what was refused.
    let screen = person.click_on("4xx 1").screen();
    assert!(
        screen.contains("/v1/cart/7") && !screen.contains("/v1/orders"),
        "{screen}"
    );
    let none = session(|recorder| Call::fetch("GET", "/", 200).play(recorder, 0, 5));
    let screen = Person::before(none, live(), 120, 36).screen();
    assert!(!screen.contains("4xx"), "{screen}");
}

#[test]
fn what_the_browser_had_itself_says_where_from() {
    use std::sync::Arc;

    use corscope::wire::{
        Client, End, Fate, HeaderList, HttpVersion, Kind, RequestHead, Said, Source, Timings, Via,
    };
    let reader = session(|recorder| {
        Call::fetch("GET", "/v1/sent", 200)
            .says("access-control-allow-origin", PAGE)
            .play(recorder, 0, 5);
        for (path, via) in [("/v1/kept", Via::Cache), ("/v1/mine", Via::ServiceWorker)] {
            let request = RequestHead {
                method: "GET".into(),
                url: format!("https://api.app.test:8443{path}"),
                version: HttpVersion::Http11,
                headers: Arc::new(HeaderList::from_pairs([("origin", PAGE)])),
            };
            let at = super::capture::START;
            let client = Client::default();
            let exchange = recorder.open_now(Source::Browser, Kind::Http, client, request, at);
            recorder.said(exchange.id(), Said::new(Fate::Delivered(via)));
            exchange.close_at(at, End::Complete, Timings::default(), None, None);
        }
    });
    for columns in [120, 200] {
        let screen = Person::before(reader.clone(), live(), columns, 40).screen();
        let line = |path: &str| {
            // Beside the list stands the pane.
            let mut lines = screen
                .lines()
                .map(|l| l.split('│').next().unwrap_or_default());
            lines
                .find(|l| l.contains(path))
                .unwrap_or_default()
                .to_owned()
        };
        assert!(line("/v1/kept").contains(" (cache) "), "{screen}");
        assert!(line("/v1/mine").contains(" (worker) "), "{screen}");
        assert!(line("/v1/sent").contains(" 0 B "), "{screen}");
        assert!(!line("/v1/kept").contains(" ms"), "{screen}");
    }
}

#[test]
fn nothing_of_the_help_is_cut() {
    for (columns, rows) in [(80, 24), (60, 20), (120, 36), (140, 40)] {
        let mut person = Person::before(session(shop), live(), columns, rows);
        person.types("?");
        let mut all = String::new();
        for _ in 0..20 {
            let buffer = person.buffer();
            for y in 3..rows - 1 {
                assert_eq!(buffer[(columns - 1, y)].symbol(), " ", "row {y}");
            }
            all.push_str(&person.screen());
            person.types("<PgDn>");
        }
        let words = all.split_whitespace().collect::<Vec<_>>().join(" ");
        for end in [
            "secrets",
            "body",
            "checklist",
            "again",
            "take it back",
            "Messages",
        ] {
            assert!(words.contains(end), "{end}: {columns} columns\n{all}");
        }
    }
}
