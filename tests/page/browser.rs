//! Debian's chromium, driven by its chromedriver over the WebDriver protocol. (The crates for it bring licences that
//! `.cargo/deny.toml` doesn't allow, or fetch a browser of their own; the protocol is JSON over HTTP.)

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use spillway_tests::within;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const INSTALL: &str = "Install both: apt-get install chromium chromium-driver";

/// A browser with one page. It ends when this is dropped.
pub struct Browser {
    client: Client<HttpConnector, Full<Bytes>>,
    session: String,
    driver: Child,
    /// The browser's own number, as long as it runs: it outlives its driver if a test fails.
    process: Option<u64>,
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(process) = self.process {
            // If it has ended by itself, there is nothing to end.
            let _ = std::process::Command::new("kill").arg(process.to_string()).status();
        }
    }
}

impl Browser {
    /// Starts one with a window of this size.
    pub async fn start(width: u32, height: u32) -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver =
            command.spawn().unwrap_or_else(|error| panic!("chromedriver can't be started: {error}. {INSTALL}"));
        let mut lines = BufReader::new(driver.stdout.take().expect("its output is piped")).lines();
        let port = loop {
            let line = lines
                .next_line()
                .await
                .expect("chromedriver writes")
                .unwrap_or_else(|| panic!("no chromedriver. {INSTALL}"));
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut browser = Self { client, session: format!("http://127.0.0.1:{port}/session"), driver, process: None };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-dev-shm-usage",
            "--font-render-hinting=none",
        ];
        let size = format!("--window-size={width},{height}");
        let arguments: Vec<&str> = arguments.into_iter().chain([size.as_str()]).collect();
        let options = json!({ "goog:chromeOptions": { "args": arguments }, "goog:loggingPrefs": { "browser": "ALL" } });
        let session = browser.call("POST", "", json!({ "capabilities": { "alwaysMatch": options } })).await;
        browser.process = session["capabilities"]["goog:processID"].as_u64();
        browser.session = format!("{}/{}", browser.session, session["sessionId"].as_str().expect("a session"));
        browser
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let request = Request::builder().method(method).uri(format!("{}{path}", self.session));
        let request = request.header("content-type", "application/json").body(Full::from(body)).expect("a request");
        let response = self.client.request(request).await.expect("chromedriver answers");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("an answer").to_bytes();
        let answer: Value = serde_json::from_slice(&bytes).expect("chromedriver answers in JSON");
        assert!(status.is_success(), "{method} {path}: {}", answer["value"]);
        answer["value"].clone()
    }

    /// Goes to an address.
    pub async fn open(&self, url: &str) {
        self.call("POST", "/url", json!({ "url": url })).await;
    }

    /// What an expression of JavaScript comes to. The page's own names are known to it.
    pub async fn get(&self, expression: &str) -> Value {
        self.call("POST", "/execute/sync", json!({ "script": format!("return ({expression});"), "args": [] })).await
    }

    pub async fn text(&self, expression: &str) -> String {
        let value = self.get(expression).await;
        value.as_str().unwrap_or_else(|| panic!("{expression}: {value}")).to_owned()
    }

    /// Waits until an expression is true.
    pub async fn until(&self, seconds: u64, expression: &str) {
        let holds = async || self.get(&format!("Boolean({expression})")).await == true;
        within(Duration::from_secs(seconds), expression, holds).await;
    }

    /// Does what a click of a person does: in the middle of what is there, and only if nothing is above it.
    pub async fn click(&self, selector: &str) {
        let found = self.call("POST", "/element", json!({ "using": "css selector", "value": selector })).await;
        let id =
            found.as_object().and_then(|it| it.values().next()).and_then(Value::as_str).expect("an element").to_owned();
        self.call("POST", &format!("/element/{id}/click"), json!({})).await;
    }

    /// Puts a text into a field, as somebody who types it.
    pub async fn fill(&self, selector: &str, text: &str) {
        let script = "const it = document.querySelector(arguments[0]); it.value = arguments[1]; it.dispatchEvent(new Event('input', \
                      { bubbles: true })); it.dispatchEvent(new Event('change', { bubbles: true }));";
        self.call("POST", "/execute/sync", json!({ "script": script, "args": [selector, text] })).await;
    }

    pub async fn press(&self, key: &str) {
        let actions = ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key }));
        self.call("POST", "/actions", json!({ "actions": [{ "type": "key", "id": "k", "actions": actions }] })).await;
    }

    /// Chromium's own commands: what WebDriver doesn't have.
    pub async fn chromium(&self, command: &str, parameters: Value) -> Value {
        self.call("POST", "/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// By the system's setting. Nothing moves by itself.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.chromium("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// A window of another size.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.chromium("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// A picture of what can be seen, in WebP.
    pub async fn picture(&self, path: &Path) -> PathBuf {
        let picture = self.chromium("Page.captureScreenshot", json!({ "format": "webp", "quality": 82 })).await;
        let bytes = STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base 64");
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        std::fs::write(path, bytes).expect("the picture can be written");
        path.to_owned()
    }

    /// How many of a thousand pixels two pictures differ in, so that one can see it. The browser has to be on a page that lets scripts
    /// in and images.
    pub async fn difference(&self, pictures: [&[u8]; 2]) -> f64 {
        let script = "const [done, pictures] = [arguments[1], arguments[0].map(async data => {
                const image = new Image();
                image.src = 'data:image/webp;base64,' + data;
                await image.decode();
                const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext('2d');
                context.drawImage(image, 0, 0);
                return context.getImageData(0, 0, image.width, image.height);
            })];
            Promise.all(pictures).then(([a, b]) => {
                if (a.width !== b.width || a.height !== b.height) return done(1000);
                let count = 0;
                for (let at = 0; at < a.data.length; at += 4) {
                    if ([0, 1, 2].some(it => Math.abs(a.data[at + it] - b.data[at + it]) > 48)) count += 1;
                }
                done(count * 4000 / a.data.length);
            });";
        let pictures = pictures.map(|it| STANDARD.encode(it));
        let share = self.call("POST", "/execute/async", json!({ "script": script, "args": [pictures] })).await;
        share.as_f64().expect("a number")
    }

    /// What the page has complained of since the last time.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.call("POST", "/se/log", json!({ "type": "browser" })).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Ends the browser, and then what drives it.
    pub async fn close(mut self) {
        self.call("DELETE", "", Value::Null).await;
        self.process = None;
        self.driver.kill().await.expect("chromedriver can be ended");
    }
}
