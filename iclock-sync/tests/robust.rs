//! Terminals that refuse, forget or leave out what a run can do without: it comes to the truth, or says why not.

mod common;

use common::{Gate, State, keys, memory, sync};
use iclock_sync::report::DeviceStatus;
use zk_sim::{Fault, Terminal};

fn faults(texts: &[String]) -> Vec<Fault> {
    texts.iter().map(|text| Fault::parse(text).unwrap()).collect()
}

#[tokio::test]
async fn a_session_that_is_forgotten_once_costs_a_new_one_and_nothing_else() {
    for key in [0, 4711] {
        for request in 0..9 {
            let gate = Gate::start("gate", Terminal::builder().records(300).seed(7).key(key)).await;
            let (state, (stored, sink)) = (State::new(), memory("db"));
            gate.handle().set_faults(&faults(&[format!("lose-sessionx1@{request}")]));
            let mut device = gate.device();
            device.comm_key = (key > 0).then(|| iclock_sync::CommKey::new(key));
            let engine = state.builder().device(device).sink(sink).build().unwrap();
            let report = sync(&engine).await;
            assert_eq!(report.run.exit_code, 0, "{key}, request {request}: {report:?}");
            assert_eq!(keys(&stored.stored()), gate.keys(), "{key}, request {request}");
        }
    }
}

#[tokio::test]
async fn a_refused_log_is_an_error_that_says_so_and_the_direct_read_is_tried() {
    for code in [2001, 4989, 4991] {
        let (gate, state, (stored, sink)) = (Gate::with_records(300).await, State::new(), memory("db"));
        let engine = state.engine(&[&gate], &[sink]);
        gate.handle().set_faults(&faults(&[format!("refuse-log={code}"), "count-zero".to_owned()]));
        let report = sync(&engine).await;
        assert_eq!((report.run.exit_code, report.devices[0].status), (20, DeviceStatus::Failed), "{report:?}");
        let error = report.devices[0].error.as_deref().unwrap();
        assert!(error.contains("refused its log") && error.contains("20 users"), "{error}");
        // The buffer alone is refused: with a plain "no" that is told from a log without data.
        gate.handle().set_faults(&faults(&["no-data=2001".to_owned()]));
        assert_eq!(sync(&engine).await.run.exit_code, 0);
        assert_eq!(keys(&stored.stored()), gate.keys(), "{code}");
    }
}
