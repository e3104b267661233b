//! The fingerprint templates of the golden vectors, decoded and encoded back.

mod vectors;

use bytes::{BufMut, BytesMut};
use serde_json::json;
use vectors::{bytes, load};
use zk_proto::record::TemplateSet;

#[test]
fn templates_decode_as_the_vectors_say_and_encode_back() {
    for vector in load("templates") {
        let bytes = bytes(&vector["input"]["dataset_hex"]);
        let set = TemplateSet::parse(bytes.clone().into()).unwrap();
        let found: Vec<_> = set
            .templates
            .iter()
            .map(|template| {
                json!({
                    "uid": template.uid.0, "finger": template.finger, "flag": template.flag,
                    "template_hex": hex::encode(&template.template),
                })
            })
            .collect();
        assert_eq!(json!(found), vector["expect"]["templates"], "{}", vector["id"]);
        let truncated = vector["expect"]["warning"] == "truncated";
        assert_eq!(set.trailing > 0, truncated, "{}", vector["id"]);
        if !truncated {
            let mut back = BytesMut::new();
            set.templates.iter().for_each(|template| template.encode(&mut back).unwrap());
            let mut whole = BytesMut::new();
            whole.put_u32_le(back.len().try_into().unwrap());
            whole.extend(back);
            assert_eq!(whole, bytes, "{}", vector["id"]);
        }
    }
}
