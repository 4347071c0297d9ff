use super::keys::{Keys, Part};
use super::sorting::order;
use super::{Group, Wish};
use crate::session::RowEnd;
use crate::session::{Mark, Row};
use crate::tui::list::Column;
use crate::wire::{ExchangeId, HttpVersion, Kind, Timestamp};

fn row<'a>(id: u64, server: &'a str, path: &'a str) -> Row<'a> {
    Row {
        id: ExchangeId(id),
        kind: Kind::Http,
        replayed: false,
        told: false,
        method: "GET",
        wanted_method: None,
        status: Some(200),
        origin_text: server,
        path,
        type_: "fetch",
        opened_at: Timestamp(0),
        answered_micros: None,
        duration_micros: Some(id % 97),
        response_bytes: 0,
        end: RowEnd::Complete,
        version: HttpVersion::Http2,
        insecure: false,
        patched: false,
        page_origin: None,
        connection: None,
        set_cookies: 0,
        mark: Mark::default(),
    }
}

/// Reads them in parts, as cores do.
fn read(rows: &[Row<'_>], wish: Wish, share: usize) -> Keys {
    let parts = rows.chunks(share).map(|rows| {
        let mut part = Part::default();
        for row in rows {
            part.take(wish, Some(row));
        }
        part
    });
    Keys::of(parts.collect(), share, wish)
}

#[test]
fn many_paths_are_in_the_order_a_plain_sort_gives_them() {
    // Shorter and longer than what lies in a key, alike for longer than that, and the same again.
    let paths: Vec<String> = (0..120_000_u32)
        .map(|n| {
            let n = n.wrapping_mul(2_654_435_761) % 40_000;
            let tail = ["", "/é", "?page=1", "/details/of/this/item"][n as usize % 4];
            format!("/v1/{}{tail}{}", n / 1_000, n % 1_000)
        })
        .collect();
    let servers = ["https://b.test", "https://a.test", "http://a.test"];
    let rows: Vec<Row<'_>> = paths
        .iter()
        .enumerate()
        .map(|(n, path)| row(n as u64, servers[n % 3], path))
        .collect();
    for group in [None, Some(Group::Host)] {
        for down in [false, true] {
            let wish = Wish {
                sort: Some((Column::Path, down)),
                group,
            };
            let mut plain: Vec<u32> = (0..rows.len() as u32).collect();
            plain.sort_by(|a, b| {
                let (a, b) = (&rows[*a as usize], &rows[*b as usize]);
                let path = a.path.cmp(b.path);
                let path = if down { path.reverse() } else { path };
                let server = a.origin_text.cmp(b.origin_text);
                if group.is_some() {
                    server.then(path)
                } else {
                    path
                }
            });
            let keys = read(&rows, wish, 50_000);
            assert!(order(&keys, rows.len(), wish) == plain, "{wish:?}");
        }
    }
}

#[test]
fn what_is_alike_stays_in_the_order_of_arrival() {
    let rows: Vec<Row<'_>> = (0..1_000)
        .map(|id| row(id, "https://a.test", "/"))
        .collect();
    for (column, down) in [
        (Column::Time, true),
        (Column::Time, false),
        (Column::Type, true),
    ] {
        let wish = Wish {
            sort: Some((column, down)),
            group: None,
        };
        let order = order(&read(&rows, wish, 300), rows.len(), wish);
        let value = |n: u32| match column {
            Column::Time => rows[n as usize].duration_micros,
            _ => None,
        };
        assert!(order.windows(2).all(|pair| {
            let (a, b) = (value(pair[0]), value(pair[1]));
            (if down { a > b } else { a < b }) || (a == b && pair[0] < pair[1])
        }));
    }
}

#[test]
fn groups_of_verdicts_begin_with_what_needs_a_hand() {
    let mut rows = [row(0, "", ""), row(1, "", ""), row(2, "", "")];
    rows[0].mark.outcome = crate::cors::Outcome::Allowed;
    rows[1].mark.outcome = crate::cors::Outcome::Exempt;
    rows[2].mark.outcome = crate::cors::Outcome::Blocked;
    let wish = Wish {
        sort: None,
        group: Some(Group::Verdict),
    };
    let keys = read(&rows, wish, 2);
    assert_eq!(order(&keys, 3, wish), [2, 0, 1]);
    let names: Vec<&str> = keys.groups.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["blocked", "allowed", "exempt"]);
    assert_eq!(keys.groups[0].1.blocked, 1);
}
