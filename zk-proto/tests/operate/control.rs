//! Device control, options, and the clearing of tables.

use zk_proto::encoding::TextEncoding;
use zk_proto::op::{
    ClearAttendanceLog, ClearLcd, ClearOperationLog, ClearTable, DeviceState, DoorState, EnableClock, EraseEverything,
    GetDoorState, GetState, RefreshOptions, Restart, Resume, Sleep, TestVoice, Unlock, UnlockUnit, Voice, WriteLcd,
};
use zk_proto::record::UserLayout;
use zk_proto::{Client, ClientError, Command, Operation};
use zk_sim::{Fault, Panel, Profile, Terminal};

use super::people::equipped;
use super::{Named, Site, sites, staffed};

/// Every operation of control that leaves the terminal where it is.
pub(crate) const OPERATIONS: &[Named] = &[
    ("sleep", |client| Box::pin(async { Ok(client.call(&Sleep).await?) })),
    ("resume", |client| Box::pin(async { Ok(client.call(&Resume).await?) })),
    ("stop the blinking", |client| Box::pin(async { Ok(client.call(&EnableClock { blink: false }).await?) })),
    ("state", |client| Box::pin(async { Ok(client.call(&GetState).await.map(drop)?) })),
    ("door state", |client| Box::pin(async { Ok(client.call(&GetDoorState).await.map(drop)?) })),
    ("unlock", |client| Box::pin(async { Ok(client.call(&Unlock::seconds(3, UnlockUnit::Tenths)).await?) })),
    ("voice", |client| Box::pin(async { Ok(client.call(&TestVoice(Voice::THANK_YOU)).await?) })),
    ("write screen", |client| {
        Box::pin(async { Ok(client.call(&WriteLcd::new(1, "Hello", TextEncoding::UTF_8)?).await?) })
    }),
    ("clear screen", |client| Box::pin(async { Ok(client.call(&ClearLcd).await?) })),
    ("set option", |client| Box::pin(async { Ok(client.set_option("LockOn", "7").await?) })),
    ("refresh options", |client| Box::pin(async { Ok(client.call(&RefreshOptions).await?) })),
    ("clear attendance log", |client| Box::pin(async { Ok(client.call(&ClearAttendanceLog).await?) })),
    ("clear operation log", |client| Box::pin(async { Ok(client.call(&ClearOperationLog).await?) })),
    ("clear fingerprints", |client| Box::pin(async { Ok(client.call(&ClearTable::Templates).await?) })),
];

#[tokio::test]
async fn every_operation_of_control_is_done_by_every_terminal() {
    for site in sites(|_| true, staffed).await {
        let mut client = site.client().await;
        for (name, operation) in OPERATIONS {
            operation(&mut client).await.unwrap_or_else(|error| panic!("{name}, {}: {error}", site.name()));
        }
        client.exit().await;
    }
}

fn panel<R>(site: &Site, look: impl FnOnce(&Panel) -> R) -> R {
    site.terminal.inspect(|terminal| look(terminal.panel()))
}

#[tokio::test]
async fn the_front_of_the_terminal_does_what_was_asked() {
    for site in sites(|_| true, staffed).await {
        let mut client = site.client().await;
        client.call(&EnableClock { blink: false }).await.unwrap();
        client.call(&TestVoice(Voice::TRY_AGAIN)).await.unwrap();
        client.call(&Sleep).await.unwrap();
        assert!(panel(&site, Panel::is_asleep), "{}", site.name());
        client.call(&Resume).await.unwrap();
        let seen = panel(&site, |panel| (panel.clock_blinks(), panel.last_voice(), panel.is_asleep()));
        assert_eq!(seen, (false, Some(Voice::TRY_AGAIN), false), "{}", site.name());

        let line = |site: &Site| panel(site, |panel| panel.line(2).map(<[u8]>::to_vec));
        client.call(&WriteLcd::new(2, "Hello", TextEncoding::UTF_8).unwrap()).await.unwrap();
        let shows = site.profile.users == UserLayout::TwentyEight;
        assert_eq!(line(&site), shows.then(|| b"Hello".to_vec()), "{}", site.name());
        client.call(&ClearLcd).await.unwrap();
        assert_eq!(line(&site), None, "{}", site.name());
        client.exit().await;
    }
}

#[tokio::test]
async fn the_door_is_open_while_the_lock_is() {
    for site in sites(|_| true, staffed).await {
        let mut client = site.client().await;
        assert_eq!(client.call(&GetDoorState).await.unwrap(), DoorState::CLOSED, "{}", site.name());
        client.call(&Unlock::seconds(3600, UnlockUnit::Tenths)).await.unwrap();
        assert_eq!(client.call(&GetDoorState).await.unwrap(), DoorState::OPEN, "{}", site.name());
        client.call(&Unlock { ticks: 0 }).await.unwrap();
        assert_eq!(client.call(&GetDoorState).await.unwrap(), DoorState::CLOSED, "{}", site.name());
        assert_eq!(panel(&site, Panel::unlocks), 2);
    }
}

#[tokio::test]
async fn the_state_is_told() {
    for state in [DeviceState::WAITING, DeviceState::MENU, DeviceState::BUSY, DeviceState(77)] {
        for site in sites(|profile| profile.name == "tft40", || staffed().state(state)).await {
            assert_eq!(site.client().await.call(&GetState).await.unwrap(), state);
        }
    }
}

#[tokio::test]
async fn an_option_is_written_and_taken_over() {
    for site in sites(|_| true, staffed).await {
        let mut client = site.client().await;
        client.set_option("LockOn", "9").await.unwrap();
        assert_eq!(client.option("LockOn").await.unwrap().as_deref(), Some("9"), "{}", site.name());
        let (kept, stale) = site
            .terminal
            .inspect(|terminal| (terminal.option("LockOn").map(str::to_owned), terminal.has_stale_options()));
        assert_eq!((kept.as_deref(), stale), (Some("9"), false), "{}", site.name());
    }
}

/// Q40: some firmware goes down without a word.
#[tokio::test]
async fn a_restart_is_done_with_and_without_an_answer() {
    for site in sites(|_| true, staffed).await {
        site.client().await.restart().await.unwrap_or_else(|error| panic!("{}: {error}", site.name()));
        site.client().await.power_off().await.unwrap_or_else(|error| panic!("{}: {error}", site.name()));
        let seen = panel(&site, |panel| (panel.restarts(), panel.switched_off()));
        assert_eq!(seen, (1, 1), "{}", site.name());
    }
}

#[tokio::test]
async fn what_was_written_is_taken_over_before_a_restart() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    client.edit_users().await.unwrap().delete(zk_proto::Uid(1)).await.unwrap();
    client.restart().await.unwrap();
    let asked: Vec<_> = site.terminal.received().iter().map(|packet| packet.command).collect();
    let place = |command| asked.iter().position(|asked| *asked == command).unwrap();
    assert!(place(Command::REFRESHDATA) < place(Restart::COMMAND));
}

#[tokio::test]
async fn a_terminal_that_was_gone_before_is_not_taken_for_one_that_restarts() {
    let site = Site::plain(staffed().fault(Fault::parse("stall-packets=2").unwrap())).await;
    let mut client = Client::connect(&site.options().timeout(std::time::Duration::from_millis(200))).await.unwrap();
    client.time().await.unwrap();
    let gone = client.restart().await;
    assert!(matches!(gone, Err(ClientError::TimedOut { .. })), "{gone:?}");
    assert_eq!(panel(&site, Panel::restarts), 0);
}

fn tables(terminal: &Terminal) -> (usize, usize) {
    (terminal.users().len(), terminal.fingers().len())
}

#[tokio::test]
async fn each_kind_of_clearing_clears_that_and_nothing_else() {
    for site in sites(|_| true, || equipped().records(30)).await {
        let mut client = site.client().await;
        let left = |site: &Site| {
            let (users, fingers) = site.terminal.inspect(tables);
            (site.terminal.records().len(), users, fingers)
        };
        assert_eq!(left(&site), (30, 5, 3));
        client.call(&ClearTable::Attendance).await.unwrap();
        assert_eq!(left(&site), (0, 5, 3), "{}", site.name());
        client.call(&ClearTable::Templates).await.unwrap();
        assert_eq!(left(&site), (0, 5, 0), "{}", site.name());
        client.call(&ClearTable::Users).await.unwrap();
        assert_eq!(left(&site), (0, 0, 0), "{}", site.name());
    }
    for site in sites(|_| true, || equipped().records(30)).await {
        site.client().await.call(&EraseEverything).await.unwrap();
        assert_eq!((site.terminal.records().len(), site.terminal.inspect(tables)), (0, (0, 0)), "{}", site.name());
    }
    let site = Site::start(&Profile::default(), zk_proto::Transport::Tcp, equipped().records(30)).await;
    site.client().await.call(&ClearAttendanceLog).await.unwrap();
    assert_eq!((site.terminal.records().len(), site.terminal.inspect(tables)), (0, (5, 3)));
}
