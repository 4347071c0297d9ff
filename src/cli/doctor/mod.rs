//! `corscope doctor`: is everything ready, and if not, what is the next step.
//!
//! It looks and changes nothing: what has to be made for a check is made beside, and gone afterwards.
//! Only this machine is asked, unless `--online` says otherwise.

mod authority;
mod client;
mod finding;
mod place;
mod port;
mod server;
mod surroundings;
mod through;
mod trust;
mod upstream;

use anyhow::{Context, Result};
use http::Uri;

use super::args::{CaptureArgs, DoctorArgs, LineFormat};
use super::config::{self, Capture};
use super::exit::Exit;
use super::output;
use crate::proxy::Authority;
use finding::Level;

pub(super) async fn run(args: &DoctorArgs) -> Result<Exit> {
    // The file is looked at below, with the rest.
    let capture = Capture::of(&CaptureArgs {
        listen: args.listen.clone(),
        doors: args.doors.clone(),
        place: args.place.clone(),
        way: args.way.clone(),
        ..CaptureArgs::default()
    })?;
    let online = args.online.as_deref().map(config::page).transpose()?;
    let online = online.map(|url| url.as_str().parse::<Uri>()).transpose();
    let online = online.context("--online takes a URL such as https://example.com")?;

    let directory = &capture.places.authority;
    let (mut found, usable) = authority::look(directory);
    found.extend(place::look(&capture.places));
    found.push(port::look(&capture.listen));
    let trusted = args.upstream_ca.as_deref().map(upstream::look);
    let (finding, trusted) = trusted.unwrap_or_default();
    found.extend(finding);
    if args.way.upstream.is_some() {
        let proxies = capture.upstreams.proxies();
        found.extend(proxies.filter_map(|proxy| upstream::proxy(proxy, online.is_some())));
    }
    let way = through::Way {
        upstreams: capture.upstreams,
        client_certs: capture.client_certs,
        trusted,
    };
    found.extend(through::look(usable, way, online.as_ref()).await);
    found.extend(trust::look(directory));
    let certificate = Authority::certificate_in(directory);
    found.extend(surroundings::look(certificate.as_ref()));

    match args.format {
        LineFormat::Json => output::data(&format!("{}\n", finding::as_json(&found)))?,
        LineFormat::Text => output::prose(&finding::as_text(&found))?,
    }
    let fine = found.iter().all(|f| f.level != Level::Bad);
    Ok(if fine { Exit::Clean } else { Exit::Blocked })
}
