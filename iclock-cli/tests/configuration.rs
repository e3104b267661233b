//! Errors of a configuration name the key, the place and a hint, and nothing is contacted.

mod common;

use common::{World, terminal};

struct Case {
    what: &'static str,
    toml: &'static str,
    /// All of these are on stderr.
    told: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case { what: "an unknown key", toml: "intervall = \"5m\"\n", told: &["iclock.toml:1", "intervall", "interval,"] },
    Case {
        what: "an unknown key of a device",
        toml: "[[device]]\nhost = \"HOST\"\npasword = \"1\"\n",
        told: &["iclock.toml:3", "device.0.pasword", "comm_key"],
    },
    Case {
        what: "an unknown key of a sink",
        toml: "[[sink]]\nurl = \"sqlite:a.db\"\ncolour = \"red\"\n",
        told: &["iclock.toml:3", "sink.0.colour", "table"],
    },
    Case {
        what: "port 0",
        toml: "[[device]]\nhost = \"HOST\"\nport = 0\n",
        told: &["iclock.toml:3", "device.0.port", "port 0", "4370"],
    },
    Case {
        what: "a port that is none",
        toml: "[[device]]\nhost = \"HOST\"\nport = 70000\n",
        told: &["iclock.toml:3", "device.0.port", "70000"],
    },
    Case {
        what: "an unknown layout of records",
        toml: "[[device]]\nhost = \"HOST\"\nlayout = \"32\"\n",
        told: &["iclock.toml:3", "device.0.layout", "32", "\"8b\""],
    },
    Case {
        what: "an unknown code page",
        toml: "[[device]]\nhost = \"HOST\"\nencoding = \"utf-16\"\n",
        told: &["iclock.toml:3", "device.0.encoding", "utf-16", "gbk"],
    },
    Case {
        what: "an unknown zone",
        toml: "[[device]]\nhost = \"HOST\"\nzone = \"Indian/Male\"\n",
        told: &["iclock.toml:3", "device.0.zone", "Indian/Male", "Indian/Maldives"],
    },
    Case {
        what: "a log that is cleared by itself at a terminal that may be any",
        toml: "[[device]]\nhost = \"HOST\"\nclear_when = \"90%\"\n",
        told: &["iclock.toml:3", "device.0.clear_when", "serial number", "info"],
    },
    Case {
        what: "a fill level that is none",
        toml: "[[device]]\nhost = \"HOST\"\nserial = \"S\"\nclear_when = \"101%\"\n",
        told: &["iclock.toml:4", "device.0.clear_when", "101%", "90%"],
    },
    Case {
        what: "an age at which everything would shrink",
        toml: "[retention]\nevents = \"400\"\n",
        told: &["iclock.toml:2", "retention.events", "less than a week", "400d"],
    },
    Case {
        what: "a bad URL",
        toml: "[[sink]]\nurl = \"oracle://x\"\n",
        told: &["iclock.toml:2", "sink.0.url", "oracle", "sqlite:PATH"],
    },
    Case {
        what: "an unreadable key file",
        toml: "[[sink]]\nurl = \"firestore://p/logs\"\ncredentials = \"no/such.json\"\n",
        told: &["iclock.toml:3", "sink.0.credentials", "no/such.json", "try:"],
    },
    Case {
        what: "a secret's variable that is not set",
        toml: "[[device]]\nhost = \"HOST\"\ncomm_key = \"ENV:NO_SUCH_KEY\"\n",
        told: &["iclock.toml:3", "device.0.comm_key", "NO_SUCH_KEY", "try:"],
    },
    Case {
        what: "a span that is none",
        toml: "interval = \"soon\"\n",
        told: &["iclock.toml:1", "interval", "soon", "5m"],
    },
    Case {
        what: "a transport that is none",
        toml: "[[device]]\nhost = \"HOST\"\ntransport = \"serial\"\n",
        told: &["iclock.toml:3", "device.0.transport", "tcp, udp or auto"],
    },
    Case { what: "no TOML", toml: "interval \"5m\"\n", told: &["iclock.toml:1", "try:"] },
    Case {
        what: "a policy that is none",
        toml: "[rules]\nempty_user_id = \"ignore\"\n",
        told: &["iclock.toml:2", "rules.empty_user_id", "quarantine"],
    },
    Case {
        what: "a device without a host",
        toml: "[[device]]\nname = \"gate\"\n",
        told: &["iclock.toml:2", "device.0.host", "try:"],
    },
    Case {
        what: "an IPv6 address that ends like a port",
        toml: "[[device]]\nhost = \"::1:4370\"\n",
        told: &["iclock.toml:2", "device.0.host", "looks like a port", "try: write [::1]:4370; ", "[::1:4370]"],
    },
    Case {
        what: "a URL in the place of a host",
        toml: "[[device]]\nhost = \"http://192.0.2.1:4370/\"\n",
        told: &["iclock.toml:2", "device.0.host", "is a URL", "try: write the host alone: 192.0.2.1:4370"],
    },
    Case {
        what: "an empty name",
        toml: "[[device]]\nname = \"\"\nhost = \"192.0.2.1\"\n",
        told: &["iclock.toml:2", "device.0.name", "the name is empty", "try:"],
    },
    Case {
        what: "a name that no sink could hold",
        toml: concat!(
            "[[device]]\nhost = \"HOST\"\nname = \"",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n"
        ),
        told: &["iclock.toml:3", "device.0.name", "longer than 128", "try:"],
    },
    Case {
        what: "one name for two devices",
        toml: "[[device]]\nname = \"a\"\nhost = \"192.0.2.1\"\n[[device]]\nname = \"a\"\nhost = \"192.0.2.2\"\n",
        told: &["iclock.toml:5", "device.1.name", "device a", "twice", "try:"],
    },
    Case {
        what: "one name for two sinks",
        toml: "[[sink]]\nname = \"a\"\nurl = \"sqlite:a.db\"\n[[sink]]\nname = \"a\"\nurl = \"csv:a.csv\"\n",
        told: &["iclock.toml:5", "sink.1.name", "sink a", "twice", "try:"],
    },
    Case {
        what: "one target for two sinks",
        toml: "[[sink]]\nurl = \"sqlite:a.db\"\n[[sink]]\nurl = \"sqlite:./a.db\"\n",
        told: &["iclock.toml:4", "sink.1.url", "same target as sqlite", "try:"],
    },
    Case {
        what: "no address for alerts",
        toml: "[alerts]\nwebhook = \"ftp://a.example/\"\n",
        told: &["iclock.toml:2", "alerts.webhook", "is not an address", "try:"],
    },
    Case {
        what: "a command for alerts with an open quote",
        toml: "[alerts]\ncommand = \"sh -c 'x\"\n",
        told: &["iclock.toml:2", "alerts.command", "is no command", "try:"],
    },
    Case {
        what: "mails in the open",
        toml: "[alerts]\nmail = \"smtp://u:x@mail.example\"\nmail_from = \"a@b.example\"\nmail_to = \"c@d.example\"\n",
        told: &["iclock.toml:2", "alerts.mail", "unencrypted", "try:"],
    },
    Case {
        what: "mails of nobody",
        toml: "[alerts]\nmail = \"smtps://mail.example\"\nmail_to = \"c@d.example\"\n",
        told: &["iclock.toml:2", "alerts.mail_from", "is missing", "try:"],
    },
    Case {
        what: "no hours",
        toml: "[alerts]\nquiet = \"night\"\n",
        told: &["iclock.toml:2", "alerts.quiet", "not a valid span", "try:"],
    },
];

#[test]
fn every_wrong_setting_is_named_with_its_place_and_its_hint() {
    for Case { what, toml, told } in CASES {
        let world = World::new();
        let server = world.serve(terminal(10));
        let (host, port) = (server.addr().ip().to_string(), server.addr().port());
        // A terminal that would answer, and a sink that would be written, unless the case brings its own.
        let mut text = toml.replace("HOST", &host);
        if !toml.contains("[[device]]") {
            text.push_str(&format!("[[device]]\nhost = \"{host}\"\nport = {port}\n"));
        }
        if !toml.contains("[[sink]]") {
            text.push_str("[[sink]]\nurl = \"sqlite:att.db\"\n");
        }
        world.write("iclock.toml", text);
        let run = world.cli(&["sync"]).ended(10);
        for word in *told {
            assert!(run.stderr.contains(word), "{what}: {word:?} is not in {}", run.stderr);
        }
        assert_eq!(run.stderr.matches("error:").count(), 1, "{what}: {}", run.stderr);
        assert!(server.handle().received().is_empty(), "{what}: the terminal was contacted");
        assert_eq!(world.files().len(), 1, "{what}: a file was made");
    }
}

#[test]
fn unequal_lists_name_the_variable_and_its_line() {
    let world = World::new();
    world.write(".env", "# terminals\nDEVICE_IPS=192.0.2.1,192.0.2.2\nDEVICE_NAMES=gate\n");
    let run = world.cli(&["sync", "--sink", "sqlite:att.db"]).ended(10);
    for word in [".env:3", "DEVICE_NAMES", "1 names for the 2 addresses"] {
        assert!(run.stderr.contains(word), "{}", run.stderr);
    }
}

#[test]
fn two_different_firebase_keys_are_an_error() {
    let world = World::new();
    world.write(".env", "DEVICE_IPS=192.0.2.1\nFIREBASE_KEY=a.json\nFIREBASE_KEY_PATH=b.json\n");
    let run = world.cli(&["sync"]).ended(10);
    assert!(run.stderr.contains("FIREBASE_KEY_PATH") && run.stderr.contains(".env:3"), "{}", run.stderr);
}

#[test]
fn a_flag_stands_above_the_environment_above_dotenv_above_the_file() {
    let world = World::new();
    world.write("iclock.toml", "interval = \"4m\"\nmax_new = 4\nstate_dir = \"four\"\noutput = \"four\"\n");
    world.write(".env", "ICLOCK_INTERVAL=3m\nICLOCK_MAX_NEW=3\nICLOCK_STATE_DIR=three\n");
    let output = world
        .program(env!("CARGO_BIN_EXE_iclock-cli"))
        .env("ICLOCK_INTERVAL", "2m")
        .env("ICLOCK_STATE_DIR", "two")
        .args(["config", "show", "--state", "one"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "state_dir = \"one\" # --state",
        "interval = \"2m\" # environment variable ICLOCK_INTERVAL",
        "max_new = 3 # .env:2",
        "output = \"four\" # iclock.toml:4",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

/// `config check` of a good configuration in an environment with these variables.
fn checked_with(variables: &[(&str, &str)]) -> (i32, String) {
    let world = World::new();
    world.write("iclock.toml", "[[device]]\nhost = \"192.0.2.1\"\n[[sink]]\nurl = \"sqlite:a.db\"\n");
    let mut program = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
    let output = program.envs(variables.iter().copied()).args(["config", "check"]).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_misspelt_variable_is_a_warning_that_names_the_nearest_setting() {
    let (code, told) = checked_with(&[("ICLOCK_INTERVALL", "2m"), ("ICLOCK_DEVICE_0_HOTS", "x")]);
    assert_eq!(code, 0, "{told}");
    for word in ["ICLOCK_INTERVALL", "ICLOCK_INTERVAL)", "ICLOCK_DEVICE_0_HOTS", "ICLOCK_DEVICE_0_HOST)"] {
        assert!(told.contains(word), "{word} is not in {told}");
    }
}

#[test]
fn variables_that_container_runtimes_set_do_no_harm() {
    // Services named iclock, iclock-device-0, iclock-sink-0, iclock-log and device.
    let variables = [
        ("ICLOCK_SERVICE_HOST", "192.0.2.7"),
        ("ICLOCK_SERVICE_PORT", "4370"),
        ("ICLOCK_PORT", "tcp://192.0.2.7:4370"),
        ("ICLOCK_PORT_4370_TCP", "tcp://192.0.2.7:4370"),
        ("ICLOCK_PORT_4370_TCP_ADDR", "192.0.2.7"),
        ("ICLOCK_PORT_4370_TCP_PROTO", "tcp"),
        ("ICLOCK_DEVICE_0_PORT", "tcp://192.0.2.7:4370"),
        ("ICLOCK_DEVICE_1_SERVICE_HOST", "192.0.2.7"),
        ("ICLOCK_SINK_0_PORT_443_TCP", "tcp://192.0.2.7:443"),
        ("ICLOCK_SINK_0_SERVICE_PORT", "443"),
        ("ICLOCK_LOG_SERVICE_HOST", "192.0.2.7"),
        ("ICLOCK_CONFIG", "tcp://192.0.2.7:80"),
        ("DEVICE_PORT", "udp://192.0.2.7:4370"),
    ];
    let (code, told) = checked_with(&variables);
    assert_eq!(code, 0, "{told}");
    for (name, _) in variables {
        assert!(told.contains(&format!("{name} is ignored")), "{name} is not in {told}");
    }
}

#[test]
fn a_variable_of_a_setting_with_an_impossible_value_is_an_error() {
    for (name, value) in [("ICLOCK_INTERVAL", "soon"), ("ICLOCK_DEVICE_0_PORT", "0"), ("ICLOCK_RULES_FUTURE_TIME", "x")]
    {
        let (code, told) = checked_with(&[(name, value)]);
        assert!(code == 10 && told.contains(name), "{told}");
    }
}

#[test]
fn a_gap_in_the_numbers_of_terminals_is_named_once_with_the_variable_after_it() {
    let (code, told) = checked_with(&[("ICLOCK_DEVICE_4_HOST", "192.0.2.5")]);
    assert_eq!(code, 10, "{told}");
    assert!(told.contains("ICLOCK_DEVICE_4_HOST: device.4.host: there is no terminal 1 before this one"), "{told}");
    assert!(told.matches("error:").count() == 1 && told.contains("without a gap"), "{told}");
}

#[test]
fn an_empty_variable_differs_from_one_that_is_not_set() {
    for name in ["ICLOCK_INTERVAL", "ICLOCK_STATE_DIR", "ICLOCK_CONFIG"] {
        let (code, told) = checked_with(&[(name, "")]);
        assert!(code == 10 && told.contains(name) && told.contains("set, but empty"), "{told}");
    }
    let (code, told) = checked_with(&[("ICLOCK_DEVICE_0_COMM_KEY", "ENV:FRONT_KEY"), ("FRONT_KEY", "")]);
    assert!(code == 10 && told.contains("FRONT_KEY is set, but empty"), "{told}");
    let (code, told) = checked_with(&[("ICLOCK_DEVICE_0_COMM_KEY", "ENV:FRONT_KEY")]);
    assert!(code == 10 && told.contains("FRONT_KEY is not set"), "{told}");
}

#[test]
fn secrets_are_masked_and_a_plain_one_is_warned_of() {
    let world = World::new();
    world.write("iclock.toml", "[[device]]\nname = \"a\"\nhost = \"192.0.2.1\"\ncomm_key = \"471147\"\n");
    let run = world.cli(&["config", "show"]).ended(0);
    assert!(run.stdout.contains("comm_key = \"***\""), "{}", run.stdout);
    assert!(run.stderr.contains("plain text") && run.stderr.contains("iclock.toml:4"), "{}", run.stderr);
    assert!(!format!("{run:?}").contains("471147"));
}

#[test]
fn numbers_truth_values_and_lists_are_written_as_such() {
    let world = World::new();
    let settings = "max_new = 300\ninterval = 300\n[[device]]\nname = \"a\"\nhost = \"192.0.2.1\"\n\
                    sixteen_mode_first = true\n\
                    [[sink]]\nurl = \"sqlite:a.db\"\n[schedule]\nfactor = 2.0\nrest_from = 7\n\
                    [rules]\nallow_list = [\"1\", \"0042\"]\n[log]\nsize = 1000000\n";
    world.write("iclock.toml", settings);
    world.write(".env", "DEVICE_PORT=4371\n");
    let shown = world.cli(&["config", "show"]).ended(0).stdout;
    for line in [
        "max_new = 300 #",
        "port = 4371 # .env:1",
        "sixteen_mode_first = true #",
        "factor = 2.0 #",
        "rest_from = 7 #",
        "allow_list = [\"1\", \"0042\"] #",
        "size = 1000000 #",
    ] {
        assert!(shown.contains(line), "{line:?} is not in {shown}");
    }
    world.write("again.toml", &shown);
    world.cli(&["config", "check", "--config", "again.toml"]).ended(0);
    world.write(".env", "DEVICE_IPS=192.0.2.1\nDEVICE_NAMES=gate\nDEVICE_PORT=5005\n");
    let written = world.cli(&["migrate", "--write-config", "-"]).ended(0).stdout;
    assert!(written.contains("\nport = 5005\n"), "{written}");
}

#[test]
fn migrate_from_a_missing_or_empty_directory_says_so() {
    let world = World::new();
    world.write("old/readme.txt", "nothing of the tool");
    let migrate = |dir| world.cli(&["migrate", dir, "--sink", "firestore://p/staffAttendanceLogs"]);
    let run = migrate("odl").ended(10);
    assert!(run.stderr.contains("odl is not a directory") && run.stderr.contains("try:"), "{}", run.stderr);
    assert!(!world.path().join("state").exists());
    let run = migrate("old").ended(0);
    assert!(run.stderr.contains("neither cache/uploaded_ids_cache.json nor output/logs_*.json"), "{}", run.stderr);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
}

#[test]
fn the_shown_configuration_can_be_used() {
    let world = World::new();
    world.write(
        "iclock.toml",
        "interval = \"4m\"\n[[device]]\nname = \"a\"\nhost = \"192.0.2.1\"\n[[sink]]\nurl = \"sqlite:a.db\"\n",
    );
    let shown = world.cli(&["config", "show"]).ended(0).stdout;
    world.write("again.toml", &shown);
    let checked = world.cli(&["config", "check", "--config", "again.toml"]).ended(0);
    assert!(checked.stdout.starts_with("ok: 1 terminal, 1 sink\n"), "{}", checked.stdout);
}

#[test]
fn the_python_tools_devices_json_is_read_as_it_is() {
    let world = World::new();
    let server = world.serve(terminal(20));
    let json = format!("{{\n  \"devices\": [{{\"name\": \"gate\", \"ip\": \"{}\"}}]\n}}", server.addr().ip());
    world.write("devices.json", json);
    world.write(".env", format!("DEVICE_PORT={}\nDEVICE_TIMEOUT=3\n", server.addr().port()));
    world.cli(&["sync", "--sink", "sqlite:att.db"]).ended(0);
    assert_eq!(world.stored(), common::truth(&server));
}

#[test]
fn without_a_terminal_or_a_sink_the_hint_is_shown() {
    let world = World::new();
    let run = world.cli(&["sync"]).ended(10);
    assert!(run.stderr.contains("--device") && run.stderr.contains("demo"), "{}", run.stderr);
    let run = world.cli(&["sync", "--device", "192.0.2.1"]).ended(10);
    assert!(run.stderr.contains("--sink"), "{}", run.stderr);
}

#[test]
fn a_check_lists_every_error_in_the_order_of_its_line() {
    let world = World::new();
    let text = [
        "interval = \"soon\"",
        "[[device]]",
        "host = \"192.0.2.10\"",
        "comm_key = \"hunter2\"",
        "zone = \"Maldives\"",
        "timeout = \"-5s\"",
        "transport = \"tpc\"",
        "colour = \"red\"",
        "[[sink]]",
        "url = \"sqlite:a.db\"",
        "tabel = \"x\"",
        "[rules]",
        "empty_user_id = \"drop\"",
        "[schedule]",
        "kind = \"sometimes\"",
        "factor = 0",
        "[log]",
        "format = \"xml\"",
    ];
    world.write("iclock.toml", text.join("\n"));
    let told = world.cli(&["config", "check"]).ended(10).stderr;
    let lines: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("error: iclock.toml:")).collect();
    let numbers: Vec<&str> = lines.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(numbers, ["1", "4", "5", "6", "7", "8", "11", "13", "15", "16", "18"], "{told}");
    assert_eq!(told.matches("try:").count(), 11, "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_mistyped_host_or_url_is_reported_instead_of_a_missing_one() {
    let world = World::new();
    world.write("iclock.toml", "[[device]]\nhosts = \"192.0.2.10\"\n[[sink]]\nurll = \"sqlite:a.db\"\n");
    let told = world.cli(&["config", "check"]).ended(10).stderr;
    assert_eq!(told.matches("error:").count(), 2, "{told}");
    assert!(told.contains("iclock.toml:2: device.0.hosts: unknown setting") && told.contains("write host"), "{told}");
    assert!(told.contains("iclock.toml:4: sink.0.urll: unknown setting") && told.contains("write url"), "{told}");
}

#[test]
fn a_check_without_a_terminal_or_a_sink_is_not_ok() {
    let world = World::new();
    let told = world.cli(&["config", "check"]).ended(10).stderr;
    assert!(told.contains("no terminal is configured") && told.contains("no sink is configured"), "{told}");
    assert!(told.contains("--device") && told.contains("--sink"), "{told}");
    let told = world.cli(&["config", "check", "--device", "192.0.2.1"]).ended(10).stderr;
    assert!(!told.contains("no terminal") && told.contains("no sink is configured"), "{told}");
    assert!(world.cli(&["config", "show"]).ended(0).stderr.contains("nothing is configured"));
}

#[test]
fn two_terminals_at_one_address_are_an_error() {
    let world = World::new();
    let toml =
        "[[device]]\nname = \"a\"\nhost = \"gate.example\"\n\n[[device]]\nname = \"b\"\nhost = \"Gate.example:4370\"\n";
    world.write("iclock.toml", format!("{toml}[[sink]]\nurl = \"sqlite:a.db\"\n"));
    let told = world.cli(&["config", "check"]).ended(10).stderr;
    assert!(told.contains("iclock.toml:7: device.1.host") && told.contains("address of a too"), "{told}");
    world.write("iclock.toml", "[[sink]]\nurl = \"sqlite:a.db\"\n");
    world.cli(&["config", "check", "--device", "a=192.0.2.1", "--device", "b=192.0.2.1:4371"]).ended(0);
}

#[test]
fn a_configured_terminal_is_chosen_by_its_name_with_its_settings() {
    let world = World::new();
    world.write(
        "iclock.toml",
        "[[device]]\nname = \"front\"\nhost = \"192.0.2.1\"\n\
         [[device]]\nname = \"back\"\nhost = \"192.0.2.2\"\nzone = \"Indian/Maldives\"\n",
    );
    let mut program = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
    program.env("ICLOCK_DEVICE_1_SERIAL", "B1").env("ICLOCK_DEVICE_0_SERIAL", "A1");
    let shown = program.args(["config", "show", "--device", "back", "--device", "new=192.0.2.3"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    for line in ["host = \"192.0.2.2\"", "zone = \"Indian/Maldives\"", "serial = \"B1\"", "host = \"192.0.2.3\""] {
        assert!(shown.contains(line), "{line} is not in {shown}");
    }
    assert!(!shown.contains("A1") && !shown.contains("192.0.2.1\""), "{shown}");
}

#[test]
fn a_password_in_a_url_is_warned_of_and_not_shown() {
    let world = World::new();
    let url = "postgres://ann:hunter2@192.0.2.1/att";
    let run = world.cli(&["config", "show", "--device", "192.0.2.1", "--sink", url]).ended(0);
    assert!(run.stderr.contains("warning: --sink: sink.0.url holds a password in plain text"), "{}", run.stderr);
    assert!(run.stderr.contains("ICLOCK_SINK_0_PASSWORD"), "{}", run.stderr);
    assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
}

#[test]
fn a_byte_order_mark_is_skipped_in_every_file() {
    const MARK: &str = "\u{feff}";
    let world = World::new();
    world.write("key.txt", format!("{MARK}4711\r\n"));
    world.write("iclock.toml", format!("{MARK}interval = \"7m\"\n[[sink]]\nurl = \"sqlite:a.db\"\n"));
    world.write(".env", format!("{MARK}ICLOCK_MAX_NEW=77\r\nDEVICE_IPS=192.0.2.1\r\n"));
    world.write("devices.json", format!("{MARK}{{\"devices\": [{{\"name\": \"gate\", \"ip\": \"192.0.2.2\"}}]}}"));
    let shown = world.cli(&["config", "show"]).ended(0).stdout;
    for line in ["interval = \"7m\"", "max_new = 77", "host = \"192.0.2.1\""] {
        assert!(shown.contains(line), "{line} is not in {shown}");
    }
    let key = "a=192.0.2.9?key=FILE:key.txt";
    world.cli(&["config", "check", "--device", key, "--sink", "sqlite:a.db"]).ended(0);
    world.write(".env", "");
    let shown = world.cli(&["config", "show", "--config", "devices.json"]).ended(0).stdout;
    assert!(shown.contains("host = \"192.0.2.2\""), "{shown}");
}

#[test]
fn utf_16_is_named_in_every_file() {
    let utf_16 = |text: &str| -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    for (name, text) in [
        ("iclock.toml", "interval = \"7m\""),
        (".env", "ICLOCK_MAX_NEW=77"),
        ("devices.json", "{\"devices\": []}"),
        ("key.txt", "4711"),
    ] {
        let world = World::new();
        world.write(name, utf_16(text));
        let key = "a=192.0.2.9?key=FILE:key.txt";
        let key = if name == "key.txt" { key } else { "192.0.2.9" };
        let told = world.cli(&["config", "check", "--device", key, "--sink", "sqlite:a.db"]).ended(10).stderr;
        assert!(told.contains(name) && told.contains("UTF-16") && told.contains("save it as UTF-8"), "{told}");
    }
}

#[test]
fn paths_in_a_configuration_are_relative_to_its_file() {
    let world = World::new();
    let server = world.serve(terminal(30));
    let device = format!("[[device]]\nname = \"gate\"\nhost = \"{}\"\ncomm_key = \"FILE:key.txt\"\n", server.addr());
    let sinks = "[[sink]]\nurl = \"sqlite:data/att.db\"\n[[sink]]\nurl = \"csv:att.csv\"\n[log]\ndir = \"logs\"\n";
    world.write("etc/key.txt", "0");
    world.write("etc/data/readme", "");
    world.write("etc/iclock.toml", format!("output = \"audit\"\n{device}{sinks}"));
    let whole = world.path().join("etc/iclock.toml").display().to_string();
    let first = world.cli_in("etc", &["sync", "--json"]).ended(0).report();
    assert_eq!(first["totals"]["new"], 30, "{first}");
    for config in ["../etc/iclock.toml", &whole, "../elsewhere/../etc/iclock.toml"] {
        let again = world.cli_in("elsewhere", &["sync", "--json", "--config", config]).ended(0).report();
        // One ledger and the same targets: nothing is new, and nothing is sent again.
        assert_eq!((&again["totals"]["new"], &again["sinks"][0]["status"]), (&0.into(), &"idle".into()), "{again}");
        assert_eq!(again["sinks"][1]["status"], "idle", "{again}");
        world.cli_in("elsewhere", &["quarantine", "list", "--config", config]).ended(0);
    }
    let made = |dir: &str| {
        let entries = std::fs::read_dir(world.path().join(dir)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(made("etc"), ["att.csv", "audit", "data", "iclock.toml", "key.txt", "logs", "state"]);
    assert!(made("elsewhere").is_empty(), "{:?}", made("elsewhere"));
}

#[test]
fn paths_of_flags_variables_and_the_python_tools_files_are_relative_to_the_working_directory() {
    let world = World::new();
    let server = world.serve(terminal(30));
    let (host, port) = (server.addr().ip().to_string(), server.addr().port().to_string());
    world.write("etc/devices.json", format!("{{\"devices\": [{{\"name\": \"gate\", \"ip\": \"{host}\"}}]}}"));
    let mut program = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
    let flags = ["sync", "--config", "etc/devices.json", "--sink", "sqlite:flag.db"];
    let output = program.env("DEVICE_PORT", port).env("ICLOCK_LOG_DIR", "logs").args(flags).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for name in ["state", "flag.db", "logs"] {
        assert!(world.path().join(name).exists(), "{name}");
        assert!(!world.path().join("etc").join(name).exists(), "{name}");
    }
}

#[test]
fn the_schema_takes_the_example_and_refuses_what_the_program_refuses() {
    let world = World::new();
    let schema = world.cli(&["config", "schema"]).ended(0).stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let takes = |text: &str| {
        let value: toml::Value = toml::from_str(text).unwrap();
        validator.is_valid(&serde_json::to_value(value).unwrap())
    };
    let example = include_str!("../../docs/iclock.example.toml");
    assert!(takes(example));
    // The example with its commented settings, but without its prose.
    let whole: String = example
        .lines()
        .map(|line| {
            let setting = line.strip_prefix("# ").filter(|line| line.contains(" = ") || line.starts_with("[["));
            let is_setting = setting.is_some_and(|line| toml::from_str::<toml::Value>(line).is_ok());
            format!("{}\n", if is_setting { &line[2..] } else { line })
        })
        .collect();
    assert!(whole.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count() > 70, "{whole}");
    assert!(takes(&whole), "{whole}");
    for text in ["intervall = \"5m\"", "[log]\nformat = \"xml\"", "[[device]]\nport = 4370", "[[sink]]\nurl = 1"] {
        assert!(!takes(text), "{text}");
    }
    world.write("iclock.toml", whole);
    let authority = rcgen::generate_simple_self_signed(["school.example".to_owned()]).unwrap();
    world.write("ca.pem", authority.cert.pem());
    let run = world.cli(&["config", "show"]).ended(10);
    // The example's key file and variables are not there, and nothing else is wrong.
    let errors: Vec<_> = run.stderr.lines().filter(|line| line.starts_with("error:")).collect();
    assert!(errors.iter().all(|line| line.contains("is not set")), "{}", run.stderr);
}
