//! The rendered snippets in minimal applications on real servers, their real answers judged.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use corscope::fix::Needs;
use corscope::fix::snippet::{self, Snippet};

use super::checks::{Checks, full, least};
use super::rig::{Family, Running, folder, free_port, run, write};
use crate::support::{Origin, answer};

/// Its name and what is needed.
type Variant = (&'static str, fn() -> Needs);

/// The two sets of values that every snippet is run with.
const VARIANTS: [Variant; 2] = [("full", full), ("least", least)];

/// A snippet's files in a fresh folder, beside the application.
struct Site {
    home: PathBuf,
    dir: PathBuf,
    snippet: Snippet,
    port: u16,
}

impl Site {
    fn new(home: &Path, id: &str, variant: &str, needs: &Needs) -> Self {
        let snippet = snippet::render(id, needs).unwrap();
        let dir = folder(home, &format!("{id}-{variant}"));
        for part in &snippet.parts {
            write(&dir.join(part.file), &format!("{}\n", part.code));
        }
        Self {
            home: home.to_owned(),
            dir,
            snippet,
            port: free_port(),
        }
    }

    /// Writes a file of the application, what stands between at signs filled in.
    fn app(&self, name: &str, text: &str, upstream: u16) {
        let text = text
            .replace("@PORT@", &self.port.to_string())
            .replace("@UPSTREAM@", &upstream.to_string())
            // Nobody listens there.
            .replace("@NOBODY@", "1")
            .replace("@DIR@", self.dir.to_str().unwrap())
            .replace("@SNIPPET@", &self.snippet.code());
        write(&self.dir.join(name), &text);
    }

    fn command(&self, program: impl AsRef<Path>, args: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .args(args)
            .current_dir(&self.dir)
            .env("PORT", self.port.to_string())
            .env("HOME", &self.dir);
        command
    }

    fn start(&self, mut command: Command, path: &str) -> Running {
        Running::start(&mut command, self.port, &self.dir.join("log.txt"), path)
    }
}

fn judge(variant: &str, checks: Checks<'_>, own_error: Option<(&str, &[u16])>) {
    if variant == "full" {
        checks.full(own_error);
    } else {
        checks.least();
    }
}

fn node(id: &str, app: &str, text: &str) {
    let Some(home) = Family::Node.home("node_modules/express") else {
        return;
    };
    for (variant, needs) in VARIANTS {
        let site = Site::new(&home, id, variant, &needs());
        site.app(app, text, 0);
        let server = site.start(site.command("node", &[app]), "/data");
        judge(variant, Checks::new(&server, "", &[]), None);
    }
}

#[test]
fn express() {
    node("express", "app.js", include_str!("apps/express.js"));
}

#[test]
fn fastify() {
    node("fastify", "app.js", include_str!("apps/fastify.js"));
}

#[test]
fn hono() {
    node("hono", "app.mjs", include_str!("apps/hono.mjs"));
}

#[test]
fn koa() {
    node("koa", "app.js", include_str!("apps/koa.js"));
}

#[test]
fn node_http() {
    node("node-http", "app.js", include_str!("apps/node-http.js"));
}

#[test]
fn nestjs() {
    node("nestjs", "app.js", include_str!("apps/nestjs.js"));
}

#[test]
fn aws_lambda() {
    node("aws-lambda", "app.mjs", include_str!("apps/aws-lambda.mjs"));
}

#[test]
fn vercel() {
    node("vercel", "app.mjs", include_str!("apps/vercel.mjs"));
}

#[test]
fn nextjs() {
    let Some(home) = Family::Node.home("node_modules/next") else {
        return;
    };
    let next = home.join("node_modules/next/dist/bin/next");
    let next = next.to_str().unwrap();
    let site = Site::new(&home, "nextjs", "full", &full());
    for (file, text) in [
        ("app/layout.js", include_str!("apps/nextjs/app/layout.js")),
        (
            "app/api/data/route.js",
            include_str!("apps/nextjs/app/api/data/route.js"),
        ),
        (
            "app/api/boom/route.js",
            include_str!("apps/nextjs/app/api/boom/route.js"),
        ),
        (
            "next.config.mjs",
            include_str!("apps/nextjs/next.config.mjs"),
        ),
        ("package.json", "{\"private\": true}\n"),
    ] {
        site.app(file, text, 0);
    }
    run(site
        .command("node", &[next, "build"])
        .env("NEXT_TELEMETRY_DISABLED", "1"));
    let port = site.port.to_string();
    let server = site.start(
        site.command("node", &[next, "start", "-H", "127.0.0.1", "-p", &port]),
        "/api/data",
    );
    // The framework's own 404 page writes Vary anew.
    Checks::new(&server, "/api", &["GET /nope: Vary"]).full(None);
}

fn deno(id: &str, text: &str) {
    let binary = "node_modules/@deno/linux-x64-glibc/deno";
    let Some(home) = Family::Node.home(binary) else {
        return;
    };
    for (variant, needs) in VARIANTS {
        let site = Site::new(&home, id, variant, &needs());
        site.app("app.ts", text, 0);
        let args = ["run", "--allow-net", "--allow-env", "--no-config", "app.ts"];
        let mut command = site.command(site.home.join(binary), &args);
        command
            .env("DENO_NO_UPDATE_CHECK", "1")
            .env("DENO_DIR", site.dir.join("deno"));
        let server = site.start(command, "/data");
        judge(variant, Checks::new(&server, "", &[]), None);
    }
}

#[test]
fn supabase_edge() {
    deno("supabase-edge", include_str!("apps/deno.ts"));
}

#[test]
fn netlify() {
    deno("netlify", include_str!("apps/netlify.ts"));
}

#[test]
fn cloudflare_workers() {
    let binary = "node_modules/@cloudflare/workerd-linux-64/bin/workerd";
    let Some(home) = Family::Node.home(binary) else {
        return;
    };
    for (variant, needs) in VARIANTS {
        let site = Site::new(&home, "cloudflare-workers", variant, &needs());
        site.app("workers.js", include_str!("apps/workers.js"), 0);
        site.app("config.capnp", include_str!("apps/workers.capnp"), 0);
        let command = site.command(site.home.join(binary), &["serve", "config.capnp"]);
        let server = site.start(command, "/data");
        judge(variant, Checks::new(&server, "", &[]), None);
    }
}

fn python(id: &str, file: &str, text: &str, args: &[&str]) {
    let Some(home) = Family::Python.home("bin/python") else {
        return;
    };
    for (variant, needs) in VARIANTS {
        let site = Site::new(&home, id, variant, &needs());
        site.app(file, text, 0);
        let port = site.port.to_string();
        let args: Vec<&str> = args
            .iter()
            .map(|arg| if *arg == "@PORT@" { &*port } else { *arg })
            .collect();
        let server = site.start(site.command(site.home.join("bin/python"), &args), "/data");
        judge(variant, Checks::new(&server, "", &[]), None);
    }
}

#[test]
fn fastapi() {
    let args = [
        "-m",
        "uvicorn",
        "app:app",
        "--host",
        "127.0.0.1",
        "--port",
        "@PORT@",
    ];
    python(
        "fastapi",
        "app.py",
        include_str!("apps/fastapi_app.py"),
        &args,
    );
}

#[test]
fn flask() {
    python(
        "flask",
        "app.py",
        include_str!("apps/flask_app.py"),
        &["app.py"],
    );
}

#[test]
fn django() {
    python(
        "django",
        "app.py",
        include_str!("apps/django_app.py"),
        &["app.py"],
    );
}

#[test]
fn aiohttp() {
    python(
        "aiohttp",
        "app.py",
        include_str!("apps/aiohttp_app.py"),
        &["app.py"],
    );
}

/// An application behind a proxy that knows no OPTIONS and answers `*` to everybody: the proxy is the
/// single place.
fn application() -> Origin {
    Origin::serve(|head| {
        let status = match head.split(' ').nth(1) {
            _ if head.starts_with("OPTIONS ") => "405 Method Not Allowed",
            Some("/data") => "200 OK",
            Some("/boom") => "500 Internal Server Error",
            _ => "404 Not Found",
        };
        let star = ("Access-Control-Allow-Origin", "*");
        answer(status, &[star, ("X-Request-Id", "r1")], "{}")
    })
}

fn proxy(id: &str, binary: &str, config: &str, text: &str, args: &[&str]) {
    let Some(home) = Family::System.home(binary) else {
        return;
    };
    let behind = application();
    for (variant, needs) in VARIANTS {
        let site = Site::new(&home, id, variant, &needs());
        site.app(config, text, behind.address.port());
        let dir = site.dir.to_str().unwrap();
        let args: Vec<String> = args.iter().map(|arg| arg.replace("@DIR@", dir)).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let server = site.start(site.command(binary, &args), "/data");
        // What the proxy says when the application is down has to be readable too.
        judge(
            variant,
            Checks::new(&server, "", &[]),
            Some(("/down", &[502, 503])),
        );
    }
}

#[test]
fn nginx() {
    let args = ["-p", "@DIR@", "-c", "nginx.conf", "-e", "stderr"];
    proxy(
        "nginx",
        "/usr/sbin/nginx",
        "nginx.conf",
        include_str!("apps/nginx.conf"),
        &args,
    );
}

#[test]
fn apache() {
    let text = include_str!("apps/apache.conf").replace("@MODULES@", "/usr/lib/apache2");
    let args = ["-DFOREGROUND", "-f", "@DIR@/apache.conf"];
    proxy("apache", "/usr/sbin/apache2", "apache.conf", &text, &args);
}

#[test]
fn caddy() {
    let args = ["run", "--config", "Caddyfile", "--adapter", "caddyfile"];
    proxy(
        "caddy",
        "/usr/bin/caddy",
        "Caddyfile",
        include_str!("apps/Caddyfile"),
        &args,
    );
}

#[test]
fn haproxy() {
    let args = ["-db", "-f", "proxy.cfg"];
    proxy(
        "haproxy",
        "/usr/sbin/haproxy",
        "proxy.cfg",
        include_str!("apps/haproxy.cfg"),
        &args,
    );
}

#[test]
fn go_rs_cors() {
    if Family::Go
        .home("/usr/share/gocode/src/github.com/rs/cors")
        .is_none()
    {
        return;
    }
    let Some(home) = Family::Go.home("/usr/bin/go") else {
        return;
    };
    for (variant, needs) in VARIANTS {
        let site = Site::new(&home, "go-rs-cors", variant, &needs());
        site.app("main.go", include_str!("apps/main.go"), 0);
        let mut build = site.command("/usr/bin/go", &["build", "-o", "app", "."]);
        run(build
            .env("GO111MODULE", "off")
            .env("GOPATH", "/usr/share/gocode")
            .env("GOCACHE", home.join("cache")));
        let server = site.start(site.command(site.dir.join("app"), &[]), "/data");
        judge(variant, Checks::new(&server, "", &[]), None);
    }
}

/// Both Rust snippets, both variants, in one program.
fn rust_program(home: &Path) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let dir = home.join("package");
    BUILT.get_or_init(|| {
        write(
            &dir.join("Cargo.toml"),
            include_str!("apps/rust/Cargo.toml"),
        );
        write(
            &dir.join("src/main.rs"),
            include_str!("apps/rust/src/main.rs"),
        );
        for id in ["axum", "actix"] {
            for (variant, needs) in VARIANTS {
                let code = snippet::render(id, &needs()).unwrap().code();
                write(&dir.join(format!("src/{id}/{variant}.rs")), &code);
            }
        }
        run(Command::new(env!("CARGO"))
            .args(["build", "--quiet"])
            .current_dir(&dir)
            .env("CARGO_TARGET_DIR", home.join("target")));
    });
    home.join("target/debug/snippet-apps")
}

fn rust(id: &str) {
    let Some(home) = Family::Rust.home("ready") else {
        return;
    };
    let program = rust_program(&home);
    for (variant, needs) in VARIANTS {
        let site = Site::new(&home, id, variant, &needs());
        let server = site.start(site.command(&program, &[id, variant]), "/data");
        judge(variant, Checks::new(&server, "", &[]), None);
    }
}

#[test]
fn axum() {
    rust("axum");
}

#[test]
fn actix() {
    rust("actix");
}

/// What a template says it was run with is what is run here.
#[test]
fn what_is_said_to_be_tested_is_tested() {
    let source = include_str!("servers.rs");
    let pins = [
        include_str!("apps/node/package.json"),
        include_str!("apps/requirements.txt"),
        include_str!("apps/rust/Cargo.toml"),
    ];
    for template in snippet::all() {
        let run = source.contains(&format!("fn {}()", template.id.replace('-', "_")));
        let Some(versions) = template.tested else {
            let played = template
                .notes
                .iter()
                .any(|note| note.contains("played by a test"));
            assert_eq!(run, played, "{}", template.id);
            continue;
        };
        assert!(run, "{} was run with {versions}?", template.id);
        let system = ["nginx", "apache", "caddy", "haproxy", "go-rs-cors"].contains(&template.id);
        let numbers = versions
            .split([' ', ','])
            .filter(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()));
        for number in numbers.filter(|_| !system) {
            assert!(
                pins.iter().any(|file| file.contains(number)),
                "{}: {number} is run nowhere",
                template.id
            );
        }
    }
}
