//! Any answer to any operation: no panic.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use zk_proto::op::{self, Operation};
use zk_proto::reply::Reply;
use zk_proto::{Command, FreeSizes, Uid, UserId};

fn answer<O: Operation>(operation: &O, (code, field, data): (u16, u16, &[u8])) {
    operation.encode(&mut BytesMut::new());
    let _ = operation.decode(&Reply { command: O::COMMAND, code: Command(code), field, data });
}

macro_rules! each {
    ($input:ident: $($operation:expr),* $(,)?) => { $(answer(&$operation, $input);)* };
}

fuzz_target!(|input: (u16, u16, &[u8])| {
    let (uid, finger) = (Uid(1), 1);
    each!(input:
        op::GetVersion, op::GetTime, op::GetFreeSizes, op::GetPinWidth, op::GetState, op::GetDoorState,
        op::ReadOption("~SerialNumber"), op::RegisterEvents::ALL, op::EnableDevice, op::FreeData,
        op::ReadTemplate { uid, finger }, op::ReadBareTemplate { uid, finger }, op::DeleteTemplate { uid, finger },
        op::TestTemplate(b"template"), op::ReadFace(uid), op::ReadUserPhoto(&UserId("7".into())),
        op::CountPhotos { flag: 0 },
        op::CaptureFinger::SMALL, op::CaptureImage, op::StartVerification::Only(uid), op::DeleteUser(uid),
        op::ReadVerifyStyle(uid), op::ReadUserGroup(uid), op::ReadUserZones(uid), op::ReadAccessGroup(1),
        op::ReadWeeklyZone(1), op::ReadUnlockCombination(1), op::ReadMessage(1), op::Restart,
    );
    if let Ok(sizes) = FreeSizes::parse(input.2) {
        let _ = (sizes.records(), sizes.users(), sizes.record_capacity());
    }
});
