//! The way out of the program: a proxy of the environment, and certificates of a school's own authority.
#![cfg(feature = "http")]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use common::{Run, World, terminal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zk_sim::Server;

/// A receiver for `school.example`, which answers 200, with a certificate that `ca.pem` vouches for. Yields its port.
fn receiver(world: &World) -> u16 {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["school.example".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    world.write("ca.pem", certificate.pem());
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = world.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    world.runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            if stream.read_u8().await.is_ok() {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    port
}

/// A proxy that makes each tunnel to this port here. Yields its address, and the places that it was asked for.
fn proxy(port: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, asked) = (listener.local_addr().unwrap().to_string(), Arc::new(Mutex::new(Vec::new())));
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut near = BufReader::new(stream.unwrap());
            let mut lines = Vec::new();
            while lines.last().is_none_or(|line: &String| line.len() > 2) {
                let mut line = String::new();
                near.read_line(&mut line).unwrap();
                lines.push(line);
            }
            kept.lock().unwrap().push(lines[0].trim_end().to_owned());
            near.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let (near, far) = (near.into_inner(), TcpStream::connect(("127.0.0.1", port)).unwrap());
            for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    (address, asked)
}

fn configure(world: &World, gate: &Server, more: &str) {
    let config = format!(
        "{more}\n[[device]]\nname = \"gate\"\nhost = \"{}\"\n\
         [[sink]]\nname = \"school\"\nurl = \"https://school.example/in\"\n",
        gate.addr()
    );
    world.write("iclock.toml", config);
}

fn sync(world: &World, variables: &[(&str, &str)]) -> Run {
    let mut program = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
    Run::of(program.args(["sync", "--json"]).envs(variables.iter().copied()))
}

#[test]
fn a_receiver_of_a_schools_own_authority_is_reached_through_the_proxy_of_the_environment() {
    let world = World::new();
    let (gate, (place, asked)) = (world.serve(terminal(20)), proxy(receiver(&world)));
    configure(&world, &gate, "ca_file = \"ca.pem\"");
    let run = sync(&world, &[("HTTPS_PROXY", &place)]).ended(0);
    assert_eq!(run.report()["sinks"][0]["stored"], 20);
    let asked = asked.lock().unwrap().clone();
    assert!(!asked.is_empty() && asked.iter().all(|line| line == "CONNECT school.example:443 HTTP/1.1"), "{asked:?}");
}

#[test]
fn without_the_file_the_receiver_is_not_trusted_and_nothing_is_sent() {
    let world = World::new();
    let (gate, (place, asked)) = (world.serve(terminal(20)), proxy(receiver(&world)));
    configure(&world, &gate, "attempts = 1");
    let run = sync(&world, &[("HTTPS_PROXY", &format!("http://office:hunter2@{place}"))]).ended(30);
    let report = run.report();
    assert_eq!((&report["sinks"][0]["stored"], &report["sinks"][0]["error_kind"]), (&0.into(), &"certificate".into()));
    assert!(!asked.lock().unwrap().is_empty());
    assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
}

#[test]
fn a_host_of_no_proxy_and_a_proxy_of_none_are_called_directly() {
    let world = World::new();
    let (gate, (place, asked)) = (world.serve(terminal(20)), proxy(receiver(&world)));
    // Nothing is at that address: it is called, and not the proxy.
    let directly = |more: &str, variables: &[(&str, &str)]| {
        configure(&world, &gate, &format!("ca_file = \"ca.pem\"\nattempts = 1\n{more}"));
        let config = world.read("iclock.toml").replace("school.example", "127.0.0.1:1");
        world.write("iclock.toml", config);
        sync(&world, variables).ended(30);
    };
    directly("", &[("HTTPS_PROXY", &place), ("NO_PROXY", "localhost,127.0.0.0/8")]);
    directly("proxy = \"none\"", &[("HTTPS_PROXY", &place)]);
    assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn a_file_that_has_no_certificate_and_a_proxy_that_is_none_are_named_with_their_lines() {
    let world = World::new();
    let gate = world.serve(terminal(20));
    world.write("ca.pem", "hello");
    for (setting, words) in [
        ("ca_file = \"ca.pem\"", "ca.pem: has no certificate"),
        ("ca_file = \"missing.pem\"", "missing.pem: "),
        ("proxy = \"socks5://192.0.2.9\"", "only a proxy that is called by http:// can be used"),
    ] {
        configure(&world, &gate, setting);
        let run = sync(&world, &[]).ended(10);
        assert!(run.stderr.contains(words) && run.stderr.contains("iclock.toml:1"), "{setting}: {run:?}");
        // The same of alerts.
        world.write("iclock.toml", format!("{setting}\n[alerts]\nwebhook = \"https://school.example/hook\"\n"));
        let run = world.cli(&["config", "check"]).ended(10);
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(all.contains(words) && all.contains("iclock.toml:1"), "{setting}: {run:?}");
    }
}
