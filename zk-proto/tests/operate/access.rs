//! Access control, short messages, bells, and the operation log.

use bytes::Bytes;
use zk_proto::encoding::TextEncoding;
use zk_proto::op::{
    ClearOperationLog, ClearTable, DeleteMessage, DeleteUser, EraseEverything, LinkMessage, ReadAccessGroup,
    ReadMessage, ReadUnlockCombination, ReadUserGroup, ReadUserZones, ReadVerifyStyle, ReadWeeklyZone, SetTime,
    UnlinkMessage, Unlock, WriteAccessGroup, WriteMessage, WriteUnlockCombination, WriteUserGroup, WriteUserZones,
    WriteVerifyStyle, WriteWeeklyZone,
};
use zk_proto::record::{
    AccessGroup, Bell, Hours, MessageKind, MessageLink, OperationCode, ShortMessage, UnlockCombination, UserLayout,
    UserVerifyStyle, UserZones, VerifyStyle, WeeklyZone,
};
use zk_proto::{Client, ClientError, Command, Dataset, DeviceTime, Prepared, Uid};
use zk_sim::{Profile, Terminal};

use super::people::{finger, writable};
use super::{Named, Site, sites, staffed};

const OFFICE: Hours = Hours { from: (8, 0), to: (17, 30) };
const ZONE: WeeklyZone = WeeklyZone { number: 9, days: [OFFICE; 7] };
const GROUP: AccessGroup = AccessGroup { number: 4, zones: [9, 1, 0], style: VerifyStyle::FINGER, holidays: true };
const COMBINATION: UnlockCombination = UnlockCombination { number: 10, groups: [1, 4, 4, 0, 0], people: 3 };
const LINK: MessageLink = MessageLink { uid: Uid(2), message: 5 };

fn message(kind: MessageKind, id: u16) -> ShortMessage {
    let start = DeviceTime::new(2026, 1, 31, 12, 0, 0).unwrap();
    ShortMessage::new(kind, id, start, 30, "Meet at 8", TextEncoding::UTF_8).unwrap()
}

/// Every operation of this group.
pub(crate) const OPERATIONS: &[Named] = &[
    ("read verify style", |client| Box::pin(async { Ok(client.call(&ReadVerifyStyle(Uid(1))).await.map(drop)?) })),
    ("write verify style", |client| {
        Box::pin(async {
            let style = UserVerifyStyle::own(VerifyStyle::CARD);
            Ok(client.call(&WriteVerifyStyle { uid: Uid(1), style }).await?)
        })
    }),
    ("read user group", |client| Box::pin(async { Ok(client.call(&ReadUserGroup(Uid(1))).await.map(drop)?) })),
    ("write user group", |client| {
        Box::pin(async { Ok(client.call(&WriteUserGroup { uid: Uid(1), group: 2 }).await?) })
    }),
    ("read user zones", |client| Box::pin(async { Ok(client.call(&ReadUserZones(Uid(1))).await.map(drop)?) })),
    ("write user zones", |client| {
        Box::pin(async {
            let zones = UserZones { own: true, zones: [9, 0, 0] };
            Ok(client.call(&WriteUserZones { uid: Uid(1), zones }).await?)
        })
    }),
    ("read access group", |client| Box::pin(async { Ok(client.call(&ReadAccessGroup(4)).await.map(drop)?) })),
    ("write access group", |client| Box::pin(async { Ok(client.call(&WriteAccessGroup::new(&GROUP)?).await?) })),
    ("read access time zone", |client| Box::pin(async { Ok(client.call(&ReadWeeklyZone(9)).await.map(drop)?) })),
    ("write access time zone", |client| Box::pin(async { Ok(client.call(&WriteWeeklyZone::new(&ZONE)?).await?) })),
    ("read combination", |client| Box::pin(async { Ok(client.call(&ReadUnlockCombination(1)).await.map(drop)?) })),
    ("write combination", |client| Box::pin(async { Ok(client.call(&WriteUnlockCombination(COMBINATION)).await?) })),
    ("write message", |client| {
        Box::pin(async { Ok(client.call(&WriteMessage::new(&message(MessageKind::PUBLIC, 5))?).await?) })
    }),
    ("read message", |client| Box::pin(async { Ok(client.call(&ReadMessage(5)).await.map(drop)?) })),
    ("all messages", |client| Box::pin(async { Ok(client.messages().await.map(drop)?) })),
    ("links of messages", |client| Box::pin(async { Ok(client.message_links().await.map(drop)?) })),
    ("work codes", |client| Box::pin(async { Ok(client.work_codes().await.map(drop)?) })),
    ("bells", |client| Box::pin(async { Ok(client.bells().await.map(drop)?) })),
    ("set bell", |client| Box::pin(async { Ok(client.set_bell(1, Bell::new(8, 15)).await?) })),
    ("operation log", |client| Box::pin(async { Ok(client.operations().await.map(drop)?) })),
];

/// Returns true if a family has combinations in the form that is known.
fn combines(profile: &Profile) -> bool {
    profile.users != UserLayout::TwentyEight
}

#[tokio::test]
async fn every_operation_on_access_is_done_or_refused_for_its_form() {
    for site in sites(|_| true, staffed).await {
        let mut client = site.client().await;
        for (name, operation) in OPERATIONS {
            if let Err(error) = operation(&mut client).await {
                let possible = name.ends_with("combination") && !combines(&site.profile);
                assert!(possible, "{name}, {}: {error}", site.name());
            }
        }
        client.exit().await;
    }
}

#[tokio::test]
async fn groups_zones_and_combinations_are_written_and_read_back() {
    for site in sites(|_| true, staffed).await {
        let mut client = site.client().await;
        client.call(&WriteWeeklyZone::new(&ZONE).unwrap()).await.unwrap();
        client.call(&WriteAccessGroup::new(&GROUP).unwrap()).await.unwrap();
        assert_eq!(client.call(&ReadWeeklyZone(9)).await.unwrap(), ZONE, "{}", site.name());
        assert_eq!(client.call(&ReadWeeklyZone(8)).await.unwrap().days, [Hours::ALWAYS; 7]);
        assert_eq!(client.call(&ReadAccessGroup(4)).await.unwrap(), GROUP, "{}", site.name());
        let kept = site.terminal.inspect(|terminal| (terminal.access().zone(9), terminal.access().group(4)));
        assert_eq!(kept, (ZONE, GROUP), "{}", site.name());
        let written = client.call(&WriteUnlockCombination(COMBINATION)).await;
        assert_eq!(written.is_ok(), combines(&site.profile), "{}", site.name());
        if combines(&site.profile) {
            assert_eq!(client.call(&ReadUnlockCombination(10)).await.unwrap(), COMBINATION);
            assert_eq!(site.terminal.inspect(|terminal| terminal.access().combination(10)), COMBINATION);
        }
    }
}

#[tokio::test]
async fn a_number_that_the_terminal_has_not_is_refused() {
    for site in sites(|profile| ["tft40", "bw16"].contains(&profile.name), staffed).await {
        let mut client = site.client().await;
        let last = if combines(&site.profile) { 100 } else { 5 };
        client.call(&ReadAccessGroup(last)).await.unwrap();
        for refused in [
            client.call(&ReadAccessGroup(last + 1)).await.map(drop),
            client.call(&ReadAccessGroup(0)).await.map(drop),
            client.call(&ReadWeeklyZone(51)).await.map(drop),
            client.call(&WriteUserGroup { uid: Uid(1), group: last + 1 }).await,
            client.call(&ReadUserGroup(Uid(99))).await.map(drop),
            client.call(&WriteVerifyStyle { uid: Uid(99), style: UserVerifyStyle::GROUP }).await,
        ] {
            assert!(matches!(refused, Err(ClientError::Refused { code: Command::ACK_ERROR, .. })), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn what_is_set_for_a_user_is_in_the_users_record_where_it_has_a_place() {
    for site in sites(writable, staffed).await {
        let mut client = site.client().await;
        let style = UserVerifyStyle::own(VerifyStyle::FINGER_AND_PASSWORD);
        let zones = UserZones { own: true, zones: [9, 2, 0] };
        assert_eq!(client.call(&ReadVerifyStyle(Uid(2))).await.unwrap(), UserVerifyStyle::GROUP);
        client.call(&WriteVerifyStyle { uid: Uid(2), style }).await.unwrap();
        client.call(&WriteUserGroup { uid: Uid(2), group: 3 }).await.unwrap();
        client.call(&WriteUserZones { uid: Uid(2), zones }).await.unwrap();
        assert_eq!(client.call(&ReadVerifyStyle(Uid(2))).await.unwrap(), style, "{}", site.name());
        assert_eq!(client.call(&ReadUserGroup(Uid(2))).await.unwrap(), 3, "{}", site.name());
        assert_eq!(client.call(&ReadUserZones(Uid(2))).await.unwrap(), zones, "{}", site.name());
        assert!(!client.call(&ReadUserZones(Uid(3))).await.unwrap().own, "{}", site.name());
        let kept = site.terminal.inspect(|terminal| {
            (terminal.access().style(2), terminal.user(2).map(|user| user.group), terminal.user_zones(2))
        });
        assert_eq!(kept, (style, Some(3), Some(zones)), "{}", site.name());
        client.call(&DeleteUser(Uid(2))).await.unwrap();
        assert_eq!(site.terminal.inspect(|terminal| terminal.access().style(2)), UserVerifyStyle::GROUP);
    }
}

#[tokio::test]
async fn messages_are_written_linked_and_deleted() {
    for site in sites(|_| true, staffed).await {
        let mut client = site.client().await;
        assert_eq!((client.messages().await.unwrap(), client.call(&ReadMessage(5)).await.unwrap()), (vec![], None));
        let (for_one, for_all) = (message(MessageKind::PRIVATE, 5), message(MessageKind::PUBLIC, 6));
        for message in [&for_one, &for_all] {
            client.call(&WriteMessage::new(message).unwrap()).await.unwrap();
        }
        client.call(&LinkMessage(LINK)).await.unwrap();
        client.call(&LinkMessage(MessageLink { uid: Uid(3), ..LINK })).await.unwrap();
        assert_eq!(client.call(&ReadMessage(5)).await.unwrap(), Some(for_one.clone()), "{}", site.name());
        assert_eq!(client.messages().await.unwrap(), [for_one, for_all.clone()], "{}", site.name());
        client.call(&UnlinkMessage(MessageLink { uid: Uid(3), ..LINK })).await.unwrap();
        assert_eq!(client.message_links().await.unwrap(), [LINK], "{}", site.name());
        client.call(&DeleteMessage(5)).await.unwrap();
        let kept = site.terminal.inspect(|terminal| {
            let messages = terminal.messages();
            (messages.get(5).cloned(), messages.get(6).cloned(), messages.links().count())
        });
        assert_eq!(kept, (None, Some(for_all), 0), "{}", site.name());
        let nobody = MessageLink { uid: Uid(99), message: 6 };
        assert!(matches!(client.call(&LinkMessage(nobody)).await, Err(ClientError::Refused { .. })));
    }
}

/// In one packet or in many, and read again on a fresh session when bytes are missing.
#[tokio::test]
async fn many_messages_come_as_a_transfer() {
    for site in sites(|profile| profile.name == "tft40", staffed).await {
        let mut client = site.client().await;
        let all: Vec<_> = (1..=40).map(|id| message(MessageKind::PUBLIC, id)).collect();
        for message in &all {
            client.call(&WriteMessage::new(message).unwrap()).await.unwrap();
        }
        assert_eq!(client.messages().await.unwrap(), all, "{}", site.name());
    }
}

#[tokio::test]
async fn work_codes_come_as_the_terminal_has_them() {
    for site in sites(|_| true, staffed).await {
        assert_eq!(site.client().await.work_codes().await.unwrap()[..], [0; 4], "{}", site.name());
    }
}

#[tokio::test]
async fn bells_ring_at_their_times() {
    for site in sites(|_| true, staffed).await {
        let mut client = site.client().await;
        assert_eq!(client.bells().await.unwrap(), [None; 6], "{}", site.name());
        client.set_bell(6, Bell::new(17, 30)).await.unwrap();
        assert_eq!(client.bells().await.unwrap()[5], Bell::new(17, 30), "{}", site.name());
        let kept = site.terminal.inspect(|terminal| terminal.option("AutoAlarm6").map(str::to_owned));
        assert_eq!(kept.as_deref(), Some("4382"), "{}", site.name());
        client.set_bell(6, None).await.unwrap();
        assert_eq!(client.bells().await.unwrap(), [None; 6], "{}", site.name());
        assert!(matches!(client.set_bell(7, None).await, Err(ClientError::Protocol { .. })));
    }
}

fn codes(terminal: &Terminal) -> Vec<OperationCode> {
    terminal.operations().iter().map(|entry| entry.operation).collect()
}

#[tokio::test]
async fn what_is_done_at_a_terminal_stands_in_its_operation_log() {
    for site in sites(writable, staffed).await {
        let mut client = site.client().await;
        let noon = DeviceTime::new(2026, 1, 31, 12, 0, 0).unwrap();
        client.call(&SetTime(noon)).await.unwrap();
        client.write_fingerprint(&finger(1, 6, 700)).await.unwrap();
        client.call(&DeleteUser(Uid(3))).await.unwrap();
        client.call(&Unlock { ticks: 30 }).await.unwrap();
        client.set_option("LockOn", "7").await.unwrap();
        client.call(&WriteWeeklyZone::new(&ZONE).unwrap()).await.unwrap();
        // What is refused was not done.
        client.call(&DeleteUser(Uid(99))).await.unwrap_err();
        let sizes = client.free_sizes().await.unwrap();
        let entries = client.operations().await.unwrap();
        assert_eq!(sizes.operation_records(), u32::try_from(entries.len()).ok(), "{}", site.name());
        assert_eq!(site.terminal.inspect(|terminal| terminal.operations().to_vec()), entries, "{}", site.name());
        let found: Vec<_> = entries.iter().map(|entry| entry.operation).collect();
        let deleted = entries.iter().find(|entry| entry.operation == OperationCode::USER_DELETED).unwrap();
        assert_eq!((deleted.parameters[0], deleted.admin, deleted.time >= noon), (3, 0, true));
        let expected = [
            OperationCode::POWER_ON,
            OperationCode::TIME_SET,
            OperationCode::FINGER_ENROLLED,
            OperationCode::USER_DELETED,
            OperationCode::UNLOCKED,
            OperationCode::OPTION_CHANGED,
            OperationCode::TIME_ZONE_CHANGED,
        ];
        assert_eq!(found, expected, "{}", site.name());
        client.call(&ClearOperationLog).await.unwrap();
        assert_eq!(client.operations().await.unwrap(), [], "{}", site.name());
        assert_eq!(client.free_sizes().await.unwrap().operation_records(), Some(0));
    }
}

#[tokio::test]
async fn clearing_is_noted_but_for_the_clearing_of_this_log() {
    let site = Site::plain(staffed().records(3)).await;
    let mut client = site.client().await;
    client.call(&ClearTable::Operations).await.unwrap();
    assert_eq!(site.terminal.inspect(codes), []);
    client.call(&ClearTable::Attendance).await.unwrap();
    client.call(&ClearTable::Templates).await.unwrap();
    assert_eq!(site.terminal.inspect(codes), [OperationCode::ATTENDANCE_CLEARED, OperationCode::DATA_CLEARED]);
    client.call(&EraseEverything).await.unwrap();
    assert_eq!(site.terminal.inspect(codes), []);
}

#[tokio::test]
async fn going_down_and_coming_up_is_noted() {
    let site = Site::plain(staffed()).await;
    site.client().await.restart().await.unwrap();
    site.client().await.power_off().await.unwrap();
    let noted = [OperationCode::POWER_ON, OperationCode::POWER_ON, OperationCode::POWER_OFF, OperationCode::POWER_ON];
    assert_eq!(site.terminal.inspect(codes), noted);
}

async fn between(client: &mut Client, from: DeviceTime, to: DeviceTime) -> Result<(Prepared, Vec<u8>), ClientError> {
    let prepared = client.prepare(Dataset::AttendanceBetween { from, to }).await?;
    let mut set = Vec::new();
    client
        .read_all(&prepared, |_, bytes| {
            set.extend_from_slice(&bytes);
            Ok::<_, ClientError>(())
        })
        .await?;
    Ok((prepared, set))
}

/// One source says that newer firmware has it; others answer in several ways.
#[tokio::test]
async fn a_part_of_the_log_is_selected_by_time_where_the_firmware_can() {
    for site in sites(|_| true, || staffed().records(200)).await {
        let records = site.terminal.records();
        let (from, to) = (records[50].time, records[149].time);
        let wanted = records.iter().filter(|punch| (from..=to).contains(&punch.time)).count();
        let mut client = site.client().await;
        let read = between(&mut client, from, to).await;
        if site.profile.log_ranges {
            let (prepared, set) = read.unwrap();
            assert!(matches!(prepared, Prepared::Buffered { .. }));
            let length = wanted * site.profile.log.width();
            assert_eq!((set.len(), set[..4].to_vec()), (4 + length, (length as u32).to_le_bytes().to_vec()));
            let whole = client.prepare(Dataset::Attendance).await.unwrap();
            let mut log = Vec::new();
            let keep = |_, bytes: Bytes| {
                log.extend_from_slice(&bytes);
                Ok::<_, ClientError>(())
            };
            client.read_all(&whole, keep).await.unwrap();
            let first = 4 + records.iter().position(|punch| punch.time >= from).unwrap() * site.profile.log.width();
            assert_eq!(set[4..], log[first..first + length], "{}", site.name());
        } else {
            let refused = matches!(read, Err(ClientError::Refused { code: Command::ACK_UNKNOWN, .. }));
            assert!(refused, "{}: {read:?}", site.name());
        }
        client.time().await.unwrap();
    }
}
