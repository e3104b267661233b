//! Answers to simple requests.

use zk_proto::op::GetPinWidth;
use zk_proto::record::UserLayout;
use zk_proto::{ClientError, Command};

use super::Site;

/// Q16: unknown options are answered in many ways, also slowly: they are absent, and nothing fails.
#[tokio::test]
async fn an_option_that_is_not_there_is_absent_however_that_is_said() {
    let faults = [&["latency=100ms"][..], &["empty-options"], &["option-code=4999"], &["option-code=2001"]];
    for faults in faults {
        let site = Site::with("d2", 40, faults).await;
        let mut client = site.client().await;
        assert_eq!(client.option("NoSuchOption").await.unwrap(), None, "{faults:?}");
        assert!(client.identity().await.unwrap().firmware.is_some(), "{faults:?}");
        client.time().await.unwrap();
    }
}

/// Q17: the width of user ids is answered without a number.
#[tokio::test]
async fn a_pin_width_without_a_number_is_no_width() {
    let site = Site::with("tft40", 0, &["empty-pin-widthx1"]).await;
    let mut client = site.client().await;
    assert_eq!(client.call(&GetPinWidth).await.unwrap(), None);
    assert_eq!(client.call(&GetPinWidth).await.unwrap(), Some(9));
}

/// Next to Q6: free sizes of any length, and with less than nothing left.
#[tokio::test]
async fn free_sizes_of_any_length_are_read_as_far_as_they_go() {
    for length in [80, 92, 112] {
        let site = Site::with("tft40", 40, &[&format!("sizes-length={length}")]).await;
        assert_eq!(site.client().await.free_sizes().await.unwrap().records(), Some(40), "{length}");
    }
    for length in [0, 3, 16, 35] {
        let site = Site::with("tft40", 40, &[&format!("sizes-length={length}")]).await;
        let mut client = site.client().await;
        match client.free_sizes().await {
            Ok(sizes) => assert_eq!(sizes.records(), None, "{length}"),
            Err(error) => assert!(matches!(error, ClientError::Protocol { .. }), "{length}: {error:?}"),
        }
        client.time().await.unwrap();
    }
    let site = Site::with("tft40", 40, &["negative-sizes"]).await;
    assert_eq!(site.client().await.free_sizes().await.unwrap().records(), Some(40));
}

/// Q41: newer firmware does not know the old template upload; the upload buffer replaces it.
#[tokio::test]
async fn the_old_template_upload_is_refused_where_the_new_one_works() {
    use zk_proto::Uid;
    use zk_proto::op::WriteTemplate;
    use zk_proto::record::FingerTemplate;
    let template = FingerTemplate { uid: Uid(2), finger: 5, flag: 1, template: vec![7; 900].into() };
    for profile in ["tft40", "bw16"] {
        let site = Site::with(profile, 0, &[]).await;
        let mut client = site.client().await;
        let old = client.call(&WriteTemplate::new(&template).unwrap()).await;
        if site.profile.users == UserLayout::TwentyEight {
            old.unwrap();
        } else {
            let error = old.unwrap_err();
            assert!(matches!(error, ClientError::Refused { code: Command::ACK_UNKNOWN, .. }), "{error:?}");
            client.write_fingerprint(&template).await.unwrap();
        }
        let stored = site.terminal.inspect(|terminal| terminal.fingers());
        assert_eq!(stored, std::slice::from_ref(&template), "{profile}");
    }
}
