//! The page of a report: whole in itself, safe, and laid out well on a screen and on paper.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use zk_sim::{Person, Punch};

use crate::at;
use crate::common::{World, terminal};
use crate::report::{SHIFTS, report, synced};

/// The browser; says that the test is skipped if there is none.
fn browser(test: &str) -> Option<PathBuf> {
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(|name| {
        let paths = std::env::var_os("PATH")?;
        std::env::split_paths(&paths).map(|dir| dir.join(name)).find(|path| path.is_file())
    });
    if found.is_none() {
        // Not `eprintln!`, which the test harness would swallow.
        let _ = writeln!(std::io::stderr(), "skipped: {test}: no browser (install chromium)");
    }
    found
}

fn browse(browser: &Path, world: &World, page: &str, args: &[&str]) -> String {
    let address = format!("file://{}", world.path().join(page).display());
    let profile = format!("--user-data-dir={}", world.path().join("profile").display());
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", &profile])
        .args(args)
        .arg(address)
        .current_dir(world.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Measures the layout of a page in a window of this width, by a script in a copy of it.
fn measured(browser: &Path, world: &World, page: &str, width: u32) -> Value {
    const SCRIPT: &str = "<script>
        const all = (what) => [...document.querySelectorAll(what)];
        document.title = JSON.stringify({
            over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
            tables: all('.scroll').map((box) => box.scrollWidth - box.clientWidth),
            cut: all('td.d, td.number, dd').filter((cell) => cell.scrollWidth > cell.clientWidth + 1).length,
            bars: all('svg rect').length,
            outside: all('svg rect, svg text').filter((part) => {
                const [inner, outer] = [part.getBoundingClientRect(), part.closest('svg').getBoundingClientRect()];
                return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.bottom > outer.bottom + 1;
            }).length,
            rows: all('tbody tr').length,
            bold: all('td b').length,
        });
        </script></body>";
    let text = world.read(page).replace("</body>", SCRIPT);
    let policy = text.find("<meta http-equiv").unwrap();
    let end = text[policy..].find('>').unwrap() + policy;
    world.write("probe.html", format!("{}{}", &text[..policy], &text[end + 1..]));
    let window = format!("--window-size={width},900");
    let dom = browse(browser, world, "probe.html", &["--dump-dom", &window]);
    let title = dom.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0;
    serde_json::from_str(&title.replace("&quot;", "\"")).unwrap_or_else(|error| panic!("{error}: {title}"))
}

/// The width and height of a picture.
fn size(world: &World, picture: &str) -> (u32, u32) {
    let png = std::fs::read(world.path().join(picture)).unwrap();
    assert_eq!(&png[1..4], b"PNG");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn a_page_needs_nothing_from_elsewhere_and_a_name_in_it_is_a_text() {
    let world = World::new();
    let _server = synced(&world);
    for args in [&["monthly", "--month", "2026-03"][..], &["daily", "--day", "2026-03-02"]] {
        let run = report(&world, &[args, &["--html", "page.html"]].concat()).ended(0);
        assert_eq!(run.stdout, "written to page.html\n");
        let page = world.read("page.html");
        assert!(page.contains("&lt;b&gt;王小明&lt;/b&gt;") && page.contains("އަޙްމަދު"), "{page}");
        for foreign in ["<script", "http://", "https://", "src=", "url(", "@import", "<b>王"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("Content-Security-Policy") && page.contains("prefers-color-scheme: dark"));
    }
    report(&world, &["daily", "--html", "x.html", "--csv"]).ended(2);
    assert!(!world.path().join("x.html").exists());
}

#[test]
fn a_page_is_laid_out_without_overflow_and_prints() {
    let test = "a_page_is_laid_out_without_overflow_and_prints";
    let Some(browser) = browser(test) else { return };
    let world = World::new();
    let names = ["އަޙްމަދު ޢަލީ", "王小明", "Bartholomew Featherstone", "أحمد حسن"];
    let person = |uid: u16| Person {
        uid,
        user_id: (1000 + uid).to_string().into(),
        name: names[usize::from(uid) % 4].to_owned(),
        privilege: 0,
    };
    let come = |uid: u16, day: u8| {
        let minute = ((u32::from(uid) * 7 + u32::from(day) * 13) % 30) as u8;
        let id = (1000 + uid).to_string();
        let (came, left) = (at(day, 7, 40 + minute % 20), at(day, 16, minute));
        let late = (uid + u16::from(day)).is_multiple_of(9);
        let came = if late { at(day, 8, 5 + minute) } else { came };
        let mut punches = vec![Punch::new(uid, &id, came, 0, 1)];
        punches.extend((!(uid + u16::from(day)).is_multiple_of(11)).then(|| Punch::new(uid, &id, left, 1, 1)));
        punches
    };
    let days = (2..=31u8).filter(|day| !matches!(day % 7, 0 | 1));
    let mut punches: Vec<Punch> = days
        .flat_map(|day| {
            (1..=40u16)
                .filter(move |uid| !(uid + u16::from(day)).is_multiple_of(13))
                .flat_map(move |uid| come(uid, day))
        })
        .collect();
    punches.sort_by_key(|punch| punch.time.0);
    let server = world.serve(terminal(0).punches(punches).people((1..=40).map(person).collect()));
    world.write("iclock.toml", SHIFTS);
    world.sync(&[&server], &[]).ended(0);
    report(&world, &["monthly", "--month", "2026-03", "--html", "month.html"]).ended(0);
    report(&world, &["daily", "--day", "2026-03-04", "--html", "day.html"]).ended(0);
    if let Some(dir) = std::env::var_os("ICLOCK_KEEP_PAGES") {
        for page in ["month.html", "day.html"] {
            std::fs::copy(world.path().join(page), Path::new(&dir).join(page)).unwrap();
        }
    }
    for (page, widths) in [("month.html", [1280, 1600]), ("day.html", [1024, 1280])] {
        for width in widths {
            let layout = measured(&browser, &world, page, width);
            assert_eq!((&layout["over"], &layout["cut"]), (&0.into(), &0.into()), "{page} at {width}: {layout}");
            assert_eq!(
                (&layout["tables"][0], &layout["outside"]),
                (&0.into(), &0.into()),
                "{page} at {width}: {layout}"
            );
            assert!(layout["rows"] == 40 && layout["bold"] == 0, "{page}: {layout}");
            assert!(layout["bars"].as_u64().unwrap() >= 3, "{page}: {layout}");
        }
        browse(&browser, &world, page, &["--screenshot=shot.png", "--window-size=1280,900", "--hide-scrollbars"]);
        assert_eq!(size(&world, "shot.png"), (1280, 900));
        browse(&browser, &world, page, &["--print-to-pdf=page.pdf", "--no-pdf-header-footer"]);
        let pdf = std::fs::read(world.path().join("page.pdf")).unwrap();
        let sheet = pdf.windows(10).filter(|part| part == b"/MediaBox ").count();
        assert!((1..=4).contains(&sheet), "{page} takes {sheet} sheets");
    }
}
