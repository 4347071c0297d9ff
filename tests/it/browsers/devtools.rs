//! Asks a Chromium over its DevTools protocol what it decided.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub(super) struct DevTools {
    socket: WebSocketStream<TcpStream>,
    session: Option<String>,
    /// Where the browser listens, and the tab that was opened.
    port: u16,
    tab: String,
    next_id: u64,
    /// URL of each request by the browser's id.
    urls: HashMap<String, String>,
    /// The CORS error of each URL, as Chromium names it, and its parameter.
    pub(super) cors_errors: HashMap<String, (String, String)>,
}

/// The session of a tab that holds the developer tools.
pub(super) struct Frontend(String);

impl DevTools {
    /// Connects to a browser started with `--remote-debugging-port=0` and opens an empty tab.
    pub(super) async fn connect(profile: &Path) -> Self {
        let file = profile.join("DevToolsActivePort");
        let text = super::eventually("Chromium to write DevToolsActivePort", || {
            std::fs::read_to_string(&file)
                .ok()
                .filter(|t| t.lines().count() == 2)
        })
        .await;
        let (port, path) = text.split_once('\n').unwrap();
        let port: u16 = port.parse().unwrap();
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let url = format!("ws://127.0.0.1:{port}{}", path.trim());
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        let mut this = Self {
            socket,
            session: None,
            port,
            tab: String::new(),
            next_id: 0,
            urls: HashMap::new(),
            cors_errors: HashMap::new(),
        };
        let tab = this
            .call("Target.createTarget", json!({"url": "about:blank"}))
            .await;
        tab["targetId"].as_str().unwrap().clone_into(&mut this.tab);
        this.session = Some(this.attach(&tab).await);
        for domain in ["Network.enable", "Page.enable", "Runtime.enable"] {
            this.call(domain, json!({})).await;
        }
        this
    }

    pub(super) async fn navigate(&mut self, url: &str) {
        let result = self.call("Page.navigate", json!({"url": url})).await;
        assert!(
            result["errorText"].is_null(),
            "{url} does not load: {result}"
        );
    }

    pub(super) async fn evaluate(&mut self, expression: &str) -> Value {
        let ask = json!({"expression": expression, "returnByValue": true});
        self.call("Runtime.evaluate", ask).await["result"]["value"].clone()
    }

    async fn attach(&mut self, tab: &Value) -> String {
        let attach = json!({"targetId": tab["targetId"], "flatten": true});
        let attached = self.call("Target.attachToTarget", attach).await;
        attached["sessionId"].as_str().unwrap().to_owned()
    }

    /// Opens the developer tools themselves in a tab of their own, looking at the tab of this one. Needs
    /// `--remote-allow-origins=*`.
    pub(super) async fn open_frontend(&mut self) -> Frontend {
        let page = self.session.take();
        let url = format!(
            "devtools://devtools/bundled/devtools_app.html?ws=127.0.0.1:{}/devtools/page/{}&panel=network",
            self.port, self.tab
        );
        let tab = self.call("Target.createTarget", json!({"url": url})).await;
        let frontend = Frontend(self.attach(&tab).await);
        self.session = page;
        let started = std::time::Instant::now();
        let is_ready = "import('devtools://devtools/bundled/core/sdk/sdk.js').then(
            sdk => sdk.TargetManager.TargetManager.instance().primaryPageTarget() !== null)";
        while self.run(&frontend, is_ready).await != true {
            assert!(
                started.elapsed() < super::PATIENCE,
                "the tools do not attach"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        frontend
    }

    /// What a promise made in the developer tools comes to.
    pub(super) async fn run(&mut self, frontend: &Frontend, expression: &str) -> Value {
        let page = self.session.replace(frontend.0.clone());
        let ask = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", ask).await;
        self.session = page;
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].clone()
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        let mut ask = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            ask["sessionId"] = json!(session);
        }
        self.socket
            .send(Message::text(ask.to_string()))
            .await
            .unwrap();
        loop {
            let told = tokio::time::timeout(super::PATIENCE, self.socket.next());
            let told = told
                .await
                .unwrap_or_else(|_| panic!("no answer to {method}"));
            let Message::Text(text) = told.expect("Chromium went away").unwrap() else {
                continue;
            };
            let told: Value = serde_json::from_str(&text).unwrap();
            if told["id"] == id {
                assert!(told["error"].is_null(), "{method}: {}", told["error"]);
                return told["result"].clone();
            }
            self.hear(&told);
        }
    }

    fn hear(&mut self, event: &Value) {
        let params = &event["params"];
        let id = params["requestId"].as_str().unwrap_or_default().to_owned();
        match event["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let url = params["request"]["url"].as_str().unwrap_or_default();
                self.urls.insert(id, url.to_owned());
            }
            Some("Network.loadingFailed") => {
                let status = &params["corsErrorStatus"];
                if let (Some(url), Some(error)) = (self.urls.get(&id), status["corsError"].as_str())
                {
                    let parameter = status["failedParameter"].as_str().unwrap_or_default();
                    self.cors_errors
                        .entry(url.clone())
                        .or_insert_with(|| (error.to_owned(), parameter.to_owned()));
                }
            }
            _ => {}
        }
    }
}
