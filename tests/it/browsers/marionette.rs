//! Asks a Firefox over Marionette what it decided.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) struct Marionette {
    stream: TcpStream,
    next_id: u64,
}

/// Each CORS failure is a console message whose category is the reason.
const LISTEN: &str = "
    const w = Services.wm.getMostRecentWindow('navigator:browser');
    w.__heard = [];
    w.__listener = { observe(m) {
        if (m instanceof Ci.nsIScriptError) w.__heard.push([m.category, m.errorMessage]);
    } };
    Services.console.registerListener(w.__listener);
    return 1;";
const HEARD: &str = "return Services.wm.getMostRecentWindow('navigator:browser').__heard;";

impl Marionette {
    /// Connects to a browser started with `--marionette` and port 0.
    pub(super) async fn connect(profile: &Path) -> Self {
        let file = profile.join("MarionetteActivePort");
        let port: u16 = super::eventually("Firefox to write MarionetteActivePort", || {
            std::fs::read_to_string(&file).ok()?.trim().parse().ok()
        })
        .await;
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut this = Self { stream, next_id: 0 };
        this.read().await;
        // Certificates are checked: trust in the proxy's authority is part of the test.
        this.call(
            "WebDriver:NewSession",
            json!({"acceptInsecureCerts": false}),
        )
        .await;
        this.in_chrome(LISTEN).await;
        this
    }

    pub(super) async fn navigate(&mut self, url: &str) {
        self.call("WebDriver:Navigate", json!({"url": url})).await;
    }

    pub(super) async fn evaluate(&mut self, expression: &str) -> Value {
        // The page's own variables are seen through the wrapper only this way.
        let script = format!("return window.eval({});", json!(expression));
        let ask = json!({"script": script, "args": []});
        self.call("WebDriver:ExecuteScript", ask).await["value"].clone()
    }

    /// Category and text of the console's messages so far.
    pub(super) async fn console(&mut self) -> Vec<(String, String)> {
        let heard = self.in_chrome(HEARD).await;
        serde_json::from_value(heard).unwrap()
    }

    /// What a promise made in the browser's own scope comes to.
    pub(super) async fn run(&mut self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
            ({expression}).then(v => done([v]), e => done(String(e) + ' ' + e.stack));"
        );
        self.call("Marionette:SetContext", json!({"value": "chrome"}))
            .await;
        let ask = json!({"script": script, "args": [], "sandbox": "system", "newSandbox": false,
            "scriptTimeout": 60_000});
        let result = self.call("WebDriver:ExecuteAsyncScript", ask).await;
        self.call("Marionette:SetContext", json!({"value": "content"}))
            .await;
        assert!(result["value"].is_array(), "{result}");
        result["value"][0].clone()
    }

    async fn in_chrome(&mut self, script: &str) -> Value {
        self.call("Marionette:SetContext", json!({"value": "chrome"}))
            .await;
        let ask = json!({"script": script, "args": [], "sandbox": "system", "newSandbox": false});
        let result = self.call("WebDriver:ExecuteScript", ask).await;
        self.call("Marionette:SetContext", json!({"value": "content"}))
            .await;
        result["value"].clone()
    }

    async fn call(&mut self, command: &str, params: Value) -> Value {
        self.next_id += 1;
        let message = json!([0, self.next_id, command, params]).to_string();
        let framed = format!("{}:{message}", message.len());
        self.stream.write_all(framed.as_bytes()).await.unwrap();
        let answer = self.read().await;
        assert!(answer[2].is_null(), "{command}: {}", answer[2]);
        answer[3].clone()
    }

    async fn read(&mut self) -> Value {
        let mut len = 0;
        loop {
            match self.stream.read_u8().await.expect("Firefox went away") {
                b':' => break,
                digit => len = len * 10 + usize::from(digit - b'0'),
            }
        }
        let mut message = vec![0; len];
        self.stream.read_exact(&mut message).await.unwrap();
        serde_json::from_slice(&message).unwrap()
    }
}
