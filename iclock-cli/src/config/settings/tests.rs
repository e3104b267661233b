use super::*;
use crate::config::example::example;
use crate::config::key::Shape::OneOf;
use crate::config::layers::{Layer, Origin, Setting};
use crate::config::schema::schema;
use crate::config::{Builder, Variables, secret};

/// A table with a key that the program does not have.
fn alarm() -> Vec<Entry<Duration>> {
    vec![key("snooze", Span, ByDefault("9m"), "The time until the next ring.", |draft: &mut Duration, text| {
        put(draft, span(text))
    })]
}

#[test]
fn a_new_key_is_one_entry_and_is_read_and_named_everywhere() {
    let catalogue = Catalogue::new([Section::top(&top()), Section::table("alarm", "The alarm.", &alarm())]);
    assert!(catalogue.find("alarm.snooze").is_some());
    assert_eq!(catalogue.nearest("alarm.snoze"), Some("snooze"));
    assert_eq!(catalogue.path_of_variable("alarm_snooze"), "alarm.snooze");
    assert_eq!(catalogue.nearest_variable("ICLOCK_ALARM_SNOZE"), "ICLOCK_ALARM_SNOOZE");
    let property = &schema(&catalogue)["properties"]["alarm"]["properties"]["snooze"];
    assert_eq!(
        (&property["default"], &property["description"]),
        (&"9m".into(), &"The time until the next ring.".into())
    );
    let shown = "\n# The alarm.\n\n[alarm]\n# The time until the next ring.\n# snooze = \"9m\"\n";
    assert!(example(&catalogue).ends_with(shown), "{}", example(&catalogue));

    let mut layer = Layer::default();
    layer.set("alarm.snooze", Setting::new("2m", Origin::Flag("test")));
    let variables = Variables::default();
    let mut draft = Duration::ZERO;
    let mut builder = Builder::new(layer, &variables, Vec::new());
    builder.read("alarm.", &alarm(), &mut draft);
    assert_eq!(draft, Duration::from_secs(120));
}

#[test]
fn every_word_of_a_choice_is_explained() {
    for section in CATALOGUE.sections() {
        for key in &section.keys {
            let OneOf(words) = &key.shape else { continue };
            let missing = words.iter().find(|word| !key.doc.contains(*word) && !section.doc.contains(*word));
            assert_eq!(missing, None, "{}", key.name);
        }
    }
}

#[test]
fn a_secret_of_the_tables_is_masked() {
    let keys = CATALOGUE.sections().iter().flat_map(|section| &section.keys);
    for key in keys.filter(|key| key.shape == Secret) {
        assert!(secret::is_secret(key.name), "{}", key.name);
    }
}

#[test]
fn a_path_is_known_by_its_table_and_key() {
    for path in ["interval", "device.0.host", "sink.12.url", "schedule.factor", "rules.empty_user_id", "log.dir"] {
        assert!(CATALOGUE.find(path).is_some(), "{path}");
    }
    for path in ["host", "device.0.hots", "device.host", "sink.0.url.x", "log.x.dir", "service_host", "device"] {
        assert!(CATALOGUE.find(path).is_none(), "{path}");
    }
}

#[test]
fn the_nearest_name_is_the_one_that_was_meant() {
    assert_eq!(CATALOGUE.nearest("device.0.hots"), Some("host"));
    assert_eq!(CATALOGUE.nearest("intervall"), Some("interval"));
    assert_eq!(CATALOGUE.nearest_variable("ICLOCK_INTERVALL"), "ICLOCK_INTERVAL");
    assert_eq!(CATALOGUE.nearest_variable("ICLOCK_DEVICE_1_HOTS"), "ICLOCK_DEVICE_1_HOST");
    assert_eq!(CATALOGUE.nearest_variable("ICLOCK_SINK_0_URI"), "ICLOCK_SINK_0_URL");
}

#[test]
fn a_variable_names_the_path_of_its_key() {
    for (variable, path) in [
        ("interval", "interval"),
        ("state_dir", "state_dir"),
        ("device_0_comm_key", "device.0.comm_key"),
        ("schedule_day_start", "schedule.day_start"),
        ("devices", "devices"),
    ] {
        assert_eq!(CATALOGUE.path_of_variable(variable), path);
    }
}
