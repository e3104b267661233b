//! Requests about people, upload buffers and faces against the golden vectors.

mod vectors;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use vectors::{bytes, load, number};
use zk_proto::op::{
    DeleteTemplate, DeleteTemplateOf, DeleteUser, DisableDevice, EnableDevice, ReadTemplate, RefreshData, WriteTemplate,
};
use zk_proto::record::{FaceSet, FingerTemplate, User, UserLayout};
use zk_proto::session::{Enrolled, Upload};
use zk_proto::{Operation, Uid, UserId};

fn request<O: Operation>(operation: &O) -> (u16, String) {
    let mut data = BytesMut::new();
    operation.encode(&mut data);
    (O::COMMAND.0, hex::encode(data))
}

#[test]
fn requests_are_those_of_the_vectors() {
    let known: Vec<(u16, String)> = load("packets_requests")
        .iter()
        .map(|vector| {
            let input = &vector["input"];
            (number(&input["command"]).try_into().unwrap(), input["data_hex"].as_str().unwrap().to_owned())
        })
        .collect();
    let ned = UserId("555".into());
    let template = FingerTemplate { uid: Uid(13), finger: 4, flag: 1, template: vec![1; 1214].into() };
    let finger = Upload::finger(&template).unwrap();
    let users = Upload::users(UserLayout::SeventyTwo, &[]).unwrap();
    let commit = |upload: &Upload| (upload.commit().0, hex::encode(upload.commit_data()));
    for asked in [
        request(&DeleteUser(Uid(40_000))),
        request(&DeleteTemplate { uid: Uid(13), finger: 4 }),
        request(&DeleteTemplateOf::new(&ned, 4).unwrap()),
        request(&ReadTemplate { uid: Uid(13), finger: 4 }),
        request(&RefreshData),
        request(&EnableDevice),
        request(&DisableDevice::default()),
        request(&DisableDevice { at_most: Some(30) }),
        commit(&finger),
        commit(&users),
    ] {
        assert!(known.contains(&asked), "{asked:?}");
    }
}

fn finger(uid: u64, value: &Value) -> FingerTemplate {
    FingerTemplate {
        uid: Uid(uid.try_into().unwrap()),
        finger: number(&value["finger"]).try_into().unwrap(),
        flag: value["flag"].as_u64().unwrap_or(1).try_into().unwrap(),
        template: bytes(&value["template_hex"]).into(),
    }
}

fn upload(input: &Value) -> Upload {
    let Some(users) = input["users"].as_array() else {
        return Upload::finger(&finger(number(&input["uid"]), input)).unwrap();
    };
    let width = number(&input["record_size"]);
    let layout = UserLayout::ALL.into_iter().find(|layout| layout.width() as u64 == width).unwrap();
    let enrolled: Vec<_> = users
        .iter()
        .map(|value| {
            let user = User::parse(layout, bytes(&value["record_hex"]).into()).unwrap();
            let fingers = value["fingers"].as_array().unwrap();
            Enrolled { fingers: fingers.iter().map(|value| finger(user.uid.0.into(), value)).collect(), user }
        })
        .collect();
    Upload::users(layout, &enrolled).unwrap()
}

#[test]
fn upload_buffers_are_those_of_the_vectors() {
    for vector in load("uploads") {
        let (upload, expect) = (upload(&vector["input"]), &vector["expect"]);
        assert_eq!(hex::encode(upload.data()), expect["buffer_hex"].as_str().unwrap(), "{}", vector["id"]);
        assert_eq!(u64::from(upload.commit().0), number(&expect["commit_command"]), "{}", vector["id"]);
        assert_eq!(hex::encode(upload.commit_data()), expect["commit_hex"].as_str().unwrap(), "{}", vector["id"]);
    }
}

#[test]
fn what_cannot_be_uploaded_is_refused() {
    let template = FingerTemplate { uid: Uid(1), finger: 9, flag: 1, template: vec![1].into() };
    assert!(Upload::finger(&template).is_ok());
    assert!(Upload::finger(&FingerTemplate { finger: 10, ..template.clone() }).is_err());
    assert!(Upload::finger(&FingerTemplate { template: Bytes::new(), ..template.clone() }).is_err());
    assert!(Upload::finger(&FingerTemplate { template: vec![1; 65_536].into(), ..template.clone() }).is_err());
    assert!(WriteTemplate::new(&FingerTemplate { template: vec![1; 65_530].into(), ..template }).is_err());
    let nobody = Enrolled { user: User { user_id: UserId("7".into()), ..User::default() }, fingers: Vec::new() };
    assert!(Upload::users(UserLayout::SeventyTwo, std::slice::from_ref(&nobody)).is_err(), "no slot");
    let somebody = Enrolled { user: User { uid: Uid(7), ..nobody.user }, fingers: Vec::new() };
    assert!(Upload::users(UserLayout::HundredTwenty, &[somebody]).is_err(), "how these are written is not known");
}

#[test]
fn faces_decode_as_the_vectors_say_and_encode_back() {
    for vector in load("faces") {
        let input = &vector["input"];
        let size: usize = number(&input["block_size"]).try_into().unwrap();
        let mut blocks: Vec<u8> = Vec::new();
        for head in input["heads_hex"].as_array().unwrap() {
            let end = blocks.len() + size;
            blocks.extend(bytes(head));
            blocks.resize(end, 0);
        }
        let whole = blocks.len();
        blocks.extend(input["cut_hex"].as_str().map(|cut| hex::decode(cut).unwrap()).unwrap_or_default());
        let set = FaceSet::parse(blocks.clone().into());
        let expected = vector["expect"]["templates"].as_array().unwrap();
        let found: Vec<_> = set
            .templates
            .iter()
            .zip(expected)
            .map(|(face, expected)| {
                let begins = bytes(&expected["begins_hex"]).len();
                json!({
                    "size": face.size, "uid": face.uid.0, "index": face.index, "flag": face.flag,
                    "begins_hex": hex::encode(&face.data[..begins]),
                })
            })
            .collect();
        assert_eq!((json!(found), set.templates.len()), (json!(expected), expected.len()), "{}", vector["id"]);
        assert_eq!(set.trailing as u64, number(&vector["expect"]["trailing"]), "{}", vector["id"]);
        let mut back = BytesMut::new();
        set.templates.iter().for_each(|face| face.encode(&mut back).unwrap());
        assert_eq!(back, blocks[..whole], "{}", vector["id"]);
    }
}
