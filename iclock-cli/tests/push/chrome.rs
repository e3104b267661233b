//! A real browser without a screen, over WebDriver.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::serving::AT_MOST;

pub(crate) struct Chrome {
    pub(crate) client: Client,
    driver: Child,
    _profile: TempDir,
}

/// Says that a test is skipped, and why.
pub(crate) fn skipped(test: &str, why: &str) {
    // Not `eprintln!`, which the test harness would swallow.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

fn driver() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|dir| dir.join("chromedriver")).find(|path| path.is_file())
}

/// Starts a driver, and returns it with its port.
fn start(path: &Path) -> Option<(Child, String)> {
    let mut driver = Command::new(path).arg("--port=0").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines.by_ref().find_map(|line| {
        let line = line.unwrap();
        line.split_once("started successfully on port ").map(|(_, port)| port.trim_end_matches('.').to_owned())
    });
    let Some(port) = port else {
        driver.wait().unwrap();
        return None;
    };
    // A full pipe would stop it.
    std::thread::spawn(move || lines.for_each(drop));
    Some((driver, port))
}

impl Chrome {
    /// Opens a window of this width; `None`, and a word about it, where there is no browser.
    pub(crate) async fn open(test: &str, width: u32, is_dark: bool) -> Option<Self> {
        let Some(path) = driver() else {
            skipped(test, "no browser (install chromium-driver)");
            return None;
        };
        // It takes a free port of IPv4, and ends if the same port of IPv6 is taken.
        let (driver, port) = (0..5).find_map(|_| start(&path)).expect("the driver starts");
        let profile = tempfile::tempdir().unwrap();
        let capabilities = json!({
            "goog:chromeOptions": {
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
                    format!("--user-data-dir={}", profile.path().display()),
                    format!("--blink-settings=preferredColorScheme={}", u8::from(!is_dark)),
                ],
                "mobileEmulation": { "deviceMetrics": { "width": width, "height": 900, "pixelRatio": 1.0 } },
            },
            "goog:loggingPrefs": { "browser": "ALL" },
            "unhandledPromptBehavior": "ignore",
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is an object") };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        Some(Self { client, driver, _profile: profile })
    }

    pub(crate) async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// The path of the page that is shown.
    pub(crate) async fn path(&self) -> String {
        self.client.current_url().await.unwrap().path().to_owned()
    }

    /// Types into a field, in the place of what is there.
    pub(crate) async fn fill(&self, field: &str, text: &str) {
        let field = self.client.find(Locator::Css(field)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub(crate) async fn click(&self, what: &str) {
        self.client.find(Locator::Css(what)).await.unwrap().click().await.unwrap();
    }

    /// Clicks on what leads to another page, and waits for it.
    pub(crate) async fn follow(&self, what: &str, path: &str) {
        self.click(what).await;
        self.until(&format!("{what} leads to {path}"), &format!("location.pathname === '{path}'")).await;
    }

    pub(crate) async fn run(&self, script: &str) -> Result<Value, CmdError> {
        self.client.execute(script, Vec::new()).await
    }

    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.run(&format!("return {expression};")).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// The value of a promise.
    pub(crate) async fn promised(&self, promise: &str) -> Value {
        let script = format!("({promise}).then(arguments[0], (error) => arguments[0]('failed: ' + error));");
        self.client.execute_async(&script, Vec::new()).await.unwrap_or_else(|error| panic!("{promise}: {error}"))
    }

    /// Waits until an expression is true on the page.
    pub(crate) async fn until(&self, what: &str, expression: &str) {
        let is_so = async {
            // A page that is being left has no answer.
            while !matches!(self.run(&format!("return {expression};")).await, Ok(Value::Bool(true))) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(AT_MOST, is_so).await.is_err() {
            panic!("not within {AT_MOST:?}: {what}: {}", self.client.source().await.unwrap());
        }
    }

    /// Keeps a picture of the page, if somebody wants to see it: `SCREENSHOTS=DIR`.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(dir) = std::env::var_os("SCREENSHOTS") else { return };
        let png = self.client.screenshot().await.unwrap();
        std::fs::write(PathBuf::from(dir).join(format!("{name}.png")), png).unwrap();
    }

    pub(crate) async fn close(self) {
        self.client.clone().close().await.unwrap();
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
