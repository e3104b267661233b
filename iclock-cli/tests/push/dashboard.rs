//! The dashboard of a real `serve`, in a real browser.

use serde_json::Value;
use zk_sim::{Handle, Server};

use crate::chrome::{Chrome, skipped};
use crate::common::staff::fault;
use crate::common::{World, terminal};
use crate::programs::address;
use crate::serving::{SERIAL, Serving, configure, until};

const PASSWORD: &str = "twelve letters and more";
const ROWS: &str = "document.querySelectorAll('#rows tbody tr')";

/// A terminal that is read live, one that pushes, and the dashboard.
struct Scene {
    world: World,
    gate: Server,
    serving: Serving,
    base: String,
}

impl Scene {
    fn start() -> Self {
        let world = World::new();
        let gate = world.serve(terminal(300).users(12).fault(fault("empty-user-ids=10")));
        let place = gate.addr();
        let device = format!("[[device]]\nname = \"gate\"\nhost = \"{}\"\nport = {}\n", place.ip(), place.port());
        configure(&world, &format!("names = true\n{device}"));
        let serving = Serving::start(&world, &["--listen", "127.0.0.1:0", "--live"]);
        let base = format!("http://{}", address(&serving));
        let stored = || {
            let events = rusqlite::Connection::open(world.path().join("att.db")).unwrap();
            events.query_row("SELECT count(*) FROM attendance_events", (), |row| row.get::<_, i64>(0)).unwrap_or(0)
        };
        until("the terminal is read", || stored() > 200);
        Self { world, gate, serving, base }
    }

    fn terminal(&self) -> Handle {
        self.gate.handle()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The link that the first start prints.
    fn link(&self) -> String {
        let said = self.serving.said();
        let link = said.lines().find(|line| line.contains("/welcome#link=")).expect("it prints a link");
        link.trim().to_owned()
    }

    /// Sets the administrator's password by the link.
    async fn welcome(&self, chrome: &Chrome) {
        chrome.goto(&self.link()).await;
        chrome.until("the link is in the form", "document.getElementById('link').value.startsWith('iln_')").await;
        assert_eq!(chrome.value("location.hash").await, "", "the link is out of the address");
        chrome.fill("[name=password]", PASSWORD).await;
        chrome.fill("[name=again]", PASSWORD).await;
        chrome.follow("form.card button", "/").await;
    }

    async fn log_in(&self, chrome: &Chrome) {
        chrome.goto(&self.url("/login")).await;
        chrome.fill("[name=name]", "administrator").await;
        chrome.fill("[name=password]", PASSWORD).await;
        chrome.follow("form.card button", "/").await;
    }
}

#[test]
fn a_day_at_the_dashboard() {
    let scene = Scene::start();
    scene.world.runtime.block_on(async {
        let Some(chrome) = Chrome::open("a_day_at_the_dashboard", 1_280, false).await else { return };
        scene.welcome(&chrome).await;
        chrome.follow("form.out button", "/login").await;
        scene.log_in(&chrome).await;

        sees_a_punch_arrive(&scene, &chrome).await;
        filters_and_exports(&scene, &chrome).await;
        approves_a_terminal(&scene, &chrome).await;
        gives_a_command(&scene, &chrome).await;
        deals_with_the_quarantine(&scene, &chrome).await;
        pauses_a_terminal(&scene, &chrome).await;

        chrome.follow("form.out button", "/login").await;
        chrome.goto(&scene.url("/events")).await;
        assert_eq!(chrome.path().await, "/login");
        chrome.close().await;
    });
    assert_eq!(scene.serving.ends("-TERM"), 0);
}

async fn sees_a_punch_arrive(scene: &Scene, chrome: &Chrome) {
    chrome.goto(&scene.url("/events")).await;
    chrome.run("window.isTheSamePage = true;").await.unwrap();
    let before = chrome.value(&format!("{ROWS}[0].textContent")).await;
    let punch = scene.terminal().punch_now().unwrap();
    let first = format!("{ROWS}[0].textContent");
    let arrived = format!("{first}.includes({:?}) && {first} !== {before}", &*punch.user_id);
    chrome.until("the punch is there", &arrived).await;
    assert_eq!(chrome.value("window.isTheSamePage").await, true, "nothing was loaded again");
}

async fn filters_and_exports(scene: &Scene, chrome: &Chrome) {
    let user = scene.terminal().records().iter().find(|punch| !punch.user_id.is_empty()).unwrap().user_id.to_string();
    chrome.goto(&scene.url("/events")).await;
    chrome.fill("[name=user]", &user).await;
    chrome.click("form.filter button").await;
    chrome.until("it is filtered", "location.search.includes('user=')").await;
    let shown = format!("[...{ROWS}].map((row) => row.cells[1].textContent.trim())");
    let Value::Array(shown) = chrome.value(&shown).await else { panic!("no rows") };
    assert!(!shown.is_empty() && shown.iter().all(|one| one == &*user), "{user}: {shown:?}");
    let file = "fetch(document.querySelector('a[download]').href).then((answer) => answer.text())";
    let Value::String(file) = chrome.promised(file).await else { panic!("no file") };
    assert_eq!(file.lines().count(), shown.len() + 1, "{file}");
}

async fn approves_a_terminal(scene: &Scene, chrome: &Chrome) {
    let row = "8\t2026-03-01 08:00:00\t0\t1\n";
    chrome.goto(&scene.url("/pushing")).await;
    chrome.run("window.isTheSamePage = true;").await.unwrap();
    assert!(scene.serving.upload("NEW", row).unwrap().starts_with("HTTP/1.1 403 "));
    chrome.until("it waits", "document.querySelector('#waiting').textContent.includes('NEW')").await;
    assert_eq!(chrome.value("window.isTheSamePage").await, true);
    chrome.click("#waiting [data-post$='NEW/approve']").await;
    chrome.until("it is decided", "document.querySelector('#decided').textContent.includes('NEW')").await;
    until("it is let in", || scene.serving.upload("NEW", row).unwrap().ends_with("OK: 1"));
    assert!(scene.serving.upload(SERIAL, row).unwrap().ends_with("OK: 1"));
}

async fn gives_a_command(scene: &Scene, chrome: &Chrome) {
    chrome.goto(&scene.url("/pushing/NEW")).await;
    chrome.click("#info").await;
    chrome.until("it waits", &format!("{ROWS}.length === 1 && {ROWS}[0].textContent.includes('INFO')")).await;
    chrome.click("form.filter button").await;
    chrome.until("another one waits", &format!("{ROWS}.length === 2")).await;
    let given = scene.world.cli(&["push", "results", "NEW", "--json"]).ended(0).stdout;
    assert!(given.lines().count() == 2 && given.contains("DATA QUERY ATTLOG"), "{given}");
}

async fn deals_with_the_quarantine(scene: &Scene, chrome: &Chrome) {
    chrome.goto(&scene.url("/quarantine")).await;
    let Value::Number(waiting) = chrome.value(&format!("{ROWS}.length")).await else { panic!("no number") };
    assert!(waiting.as_u64() > Some(5), "{waiting}");
    chrome.click("[data-post$='quarantine/replay']").await;
    chrome.until("they are judged again", "document.getElementById('said').textContent !== ''").await;
    assert_eq!(chrome.value("document.getElementById('said').classList.contains('bad')").await, false);
    chrome.click("[data-post*='quarantine/resolve']").await;
    chrome.client.send_alert_text("a test card").await.unwrap();
    chrome.client.accept_alert().await.unwrap();
    chrome.until("one is dealt with", &format!("{ROWS}.length === {waiting} - 1")).await;
    let audit = scene.world.cli(&["quarantine", "list", "--json"]).ended(0).stdout;
    assert_eq!(audit.lines().count().to_string(), (waiting.as_u64().unwrap() - 1).to_string(), "{audit}");
}

async fn pauses_a_terminal(scene: &Scene, chrome: &Chrome) {
    chrome.goto(&scene.url("/terminals/gate")).await;
    chrome.click("[data-post$='gate/pause']").await;
    chrome.until("it is paused", "document.querySelector('[data-post$=\"gate/resume\"]') !== null").await;
    chrome.click("[data-post$='gate/resume']").await;
    chrome.until("it goes on", "document.querySelector('[data-post$=\"gate/pause\"]') !== null").await;
}

const PAGES: [(&str, &str); 16] = [
    ("overview", "/"),
    ("terminals", "/terminals"),
    ("terminal", "/terminals/gate"),
    ("users", "/terminals/gate/users"),
    ("events", "/events"),
    ("people", "/people"),
    ("person", "/people/PERSON"),
    ("reports", "/reports"),
    ("quarantine", "/quarantine"),
    ("unproven", "/unproven"),
    ("sinks", "/sinks"),
    ("pushing", "/pushing"),
    ("commands", "/pushing/SN1"),
    ("settings", "/settings"),
    ("access", "/access"),
    ("api", "/api"),
];

/// The windows, themes and languages to look at; all of them for who wants to see the pictures.
fn looks() -> Vec<(u32, bool, &'static str)> {
    let all = [320, 360, 1_024, 1_920, 2_560]
        .into_iter()
        .flat_map(|width| [(width, false, "en"), (width, true, "en"), (width, false, "ar"), (width, true, "ar")]);
    match std::env::var_os("SCREENSHOTS") {
        Some(_) => all.collect(),
        None => {
            vec![(320, false, "en"), (360, true, "ar"), (1_024, false, "ar"), (1_920, true, "en"), (2_560, false, "en")]
        }
    }
}

#[test]
fn each_page_fits_its_window_and_is_for_everybody() {
    let test = "each_page_fits_its_window_and_is_for_everybody";
    let scene = Scene::start();
    let axe = std::env::var_os("AXE_CORE").map(|path| std::fs::read_to_string(path).unwrap());
    if axe.is_none() {
        skipped(test, "no axe-core (AXE_CORE names its file)");
    }
    let person = scene.terminal().records().iter().find(|punch| !punch.user_id.is_empty()).unwrap().user_id.to_string();
    let _ = scene.serving.upload("NEW", "8\t2026-03-01 08:00:00\t0\t1\n");
    scene.world.runtime.block_on(async {
        let (mut is_first, mut found) = (true, Vec::new());
        for (width, is_dark, language) in looks() {
            let Some(chrome) = Chrome::open(test, width, is_dark).await else { return };
            if std::mem::take(&mut is_first) {
                scene.welcome(&chrome).await;
            }
            let look = format!("{width}-{}-{language}", if is_dark { "dark" } else { "light" });
            chrome.goto(&scene.url(&format!("/language/{language}"))).await;
            chrome.goto(&scene.url("/login")).await;
            let dark = chrome.value("matchMedia('(prefers-color-scheme: dark)').matches").await;
            assert_eq!(dark, is_dark);
            found.extend(faults(&chrome, &format!("login-{look}"), axe.as_deref()).await);
            scene.log_in(&chrome).await;
            for (name, path) in PAGES {
                chrome.goto(&scene.url(&path.replace("PERSON", &person))).await;
                found.extend(faults(&chrome, &format!("{name}-{look}"), axe.as_deref()).await);
            }
            chrome.close().await;
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    });
}

/// What is wrong with a page: parts that are wider than the window, and what axe-core finds.
async fn faults(chrome: &Chrome, name: &str, axe: Option<&str>) -> Vec<String> {
    chrome.picture(name).await;
    let wider = "[...document.querySelectorAll('body *')].filter((one) => !one.closest('.wide') \
        && one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((one) => one.outerHTML)";
    let over = chrome.value("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
    let mut all = Vec::new();
    if over != 0 {
        all.push(format!("{name} is {over} too wide: {}", chrome.value(wider).await));
    }
    let Some(axe) = axe else { return all };
    chrome.run(axe).await.unwrap();
    let tags = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }";
    let words = "[one.id, one.help, one.nodes[0].html, one.nodes[0].failureSummary].join(' ')";
    let found = chrome.promised(&format!("axe.run({tags}).then((all) => all.violations.map((one) => {words}))")).await;
    let Value::Array(found) = found else { panic!("{name}: {found}") };
    all.extend(found.iter().map(|one| format!("{name}: {one}")));
    all
}
