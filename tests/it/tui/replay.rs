//! Doing a request again from the screen: what is asked of the workbench, and what is shown.

use corscope::tui::{Draft, Effect, Event, Options, Outcome, ReplayRequest, Replayed};
use corscope::wire::ExchangeId;

use super::capture::{session, shop};
use super::driver::{Person, live};

fn person(columns: u16, rows: u16) -> Person {
    let options = Options {
        can_replay: true,
        ..live()
    };
    Person::before(session(shop), options, columns, rows)
}

fn draft(exchange: ExchangeId) -> Draft {
    Draft {
        exchange,
        text: "PUT https://api.app.test/v1/cart/7\nContent-Type: application/json\n\
               authorization: \n\n{\n  \"item\": 7,\n  \"count\": 1\n}"
            .into(),
        remark: Some("Never recorded: the value of authorization; fill it in.".into()),
    }
}

fn asked_for(person: &Person) -> ExchangeId {
    match person.asked.last() {
        Some(Effect::Draft(exchange)) => *exchange,
        Some(Effect::Replay(request)) => request.exchange,
        other => panic!("nothing was asked for: {other:?}"),
    }
}

/// With an editor open.
fn editing(columns: u16, rows: u16) -> (Person, ExchangeId) {
    let mut person = person(columns, rows);
    person.types("!R");
    let exchange = asked_for(&person);
    person.happens(Event::Outcome(Outcome::Drafted(draft(exchange))));
    (person, exchange)
}

fn picture(name: &str, person: &mut Person, (columns, rows): (u16, u16)) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let name = format!("tui-replay-{name}-{columns}x{rows}");
    settings.bind(|| insta::assert_snapshot!(name, person.screen()));
}

#[test]
fn what_reads_only_is_sent_at_once() {
    let mut person = person(120, 36);
    person.types("!r");
    let Some(Effect::Replay(ReplayRequest { text: None, .. })) = person.asked.last() else {
        panic!("{:?}", person.asked)
    };
    let exchange = asked_for(&person);
    person.happens(Event::Outcome(Outcome::Replayed(Replayed::Begun(exchange))));
    assert!(person.screen().contains("replaying"));
}

#[test]
fn what_may_change_data_is_asked_for_once() {
    // The second blocked one is a PUT whose preflight was refused.
    let mut person = person(120, 36);
    person.types("!!r");
    assert!(person.asked.is_empty(), "{:?}", person.asked);
    assert!(person.screen().contains("may change data on the server"));
    picture("consent", &mut person, (120, 36));
    person.types("<Esc>");
    assert!(person.asked.is_empty());
    person.types("ry");
    assert_eq!(person.asked.len(), 1);
    person.types("r");
    assert_eq!(person.asked.len(), 2, "asked once");
}

#[test]
fn the_editor() {
    for size in [(80, 24), (120, 36)] {
        let (mut person, _) = editing(size.0, size.1);
        picture("editor", &mut person, size);
    }
}

#[test]
fn an_edited_request_is_sent_when_it_was_confirmed() {
    let (mut person, exchange) = editing(120, 36);
    person.types("<Down><Down>Bearer t");
    person.types("<Ctrl-s>");
    assert_eq!(person.asked.len(), 1, "it is a PUT: asked first");
    assert!(person.screen().contains("Ctrl-S again sends it"));
    person.types("<Ctrl-s>");
    let Some(Effect::Replay(ReplayRequest {
        text: Some(text), ..
    })) = person.asked.last()
    else {
        panic!("{:?}", person.asked)
    };
    assert!(text.contains("authorization: Bearer t\n\n{"), "{text}");
    // A mistake leaves it open, with what was typed.
    let why = "X-A has no value".to_owned();
    person.happens(Event::Outcome(Outcome::Replayed(Replayed::Refused(
        exchange, why,
    ))));
    let screen = person.screen();
    assert!(
        screen.contains("X-A has no value") && screen.contains("Bearer t"),
        "{screen}"
    );
    person.types("<Ctrl-s>");
    person.happens(Event::Outcome(Outcome::Replayed(Replayed::Begun(exchange))));
    assert!(!person.screen().contains("Bearer t"), "it is closed");
}

#[test]
fn what_was_typed_is_not_lost_by_one_key() {
    let (mut person, _) = editing(80, 24);
    person.types("x<Esc>");
    assert!(person.screen().contains("Esc again"), "{}", person.screen());
    person.types("<Esc>");
    assert!(!person.screen().contains("Never recorded"));
    // Without a change it closes at once.
    let (mut person, _) = editing(80, 24);
    person.types("<Esc>");
    assert!(!person.screen().contains("Never recorded"));
}

#[test]
fn a_replay_of_a_file_is_shown_as_text() {
    let mut person = person(80, 24);
    let text =
        "↻ GET https://api.app.test/v1/orders\n  BEFORE    blocked\n\x1b[31m  NOW       allowed"
            .to_owned();
    let paper = Replayed::Paper("#14 once more".into(), text);
    person.happens(Event::Outcome(Outcome::Replayed(paper)));
    let screen = person.screen();
    assert!(
        screen.contains("BEFORE    blocked") && screen.contains("#14 once more"),
        "{screen}"
    );
    assert!(!screen.contains('\x1b'));
    person.types("<Esc>");
    assert!(!person.screen().contains("BEFORE"));
}

#[test]
fn where_nobody_replays_the_keys_do_nothing() {
    let mut person = Person::before(session(shop), live(), 80, 24);
    person.types("!rR");
    assert!(person.asked.is_empty());
}
