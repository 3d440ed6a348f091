//! One server: its address, its store, its end. With each version that is installed.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use memq_nats_server::{Binary, Server, again, eventually, python_or_skip, role};

use crate::raw::Client;

fn gone(addr: SocketAddr) -> bool {
    TcpStream::connect(addr).is_err()
}

#[test]
fn it_listens_on_loopback_and_has_jetstream() {
    for binary in Binary::all_or_skip() {
        let server = Server::start(&binary).unwrap();
        assert!(server.addr().ip().is_loopback());
        assert_ne!(server.addr().port(), 4222);
        assert_eq!(server.url(), format!("nats://{}", server.addr()));
        assert!(server.is_running());
        let client = Client::connect(server.addr()).unwrap();
        assert_eq!(client.info["jetstream"], true, "{}", client.info);
        assert_eq!(client.info["version"], binary.version().to_string());
    }
}

#[test]
fn killed_and_started_again_it_has_what_it_acknowledged_at_the_same_address() {
    for binary in Binary::all_or_skip() {
        let server = Server::start(&binary).unwrap();
        let (addr, pid) = (server.addr(), server.pid());
        let mut client = Client::connect(addr).unwrap();
        client.create("orders", 1).unwrap();
        for number in 1..=200 {
            assert_eq!(client.publish("orders", "tea").unwrap(), number);
        }
        server.kill9();
        assert!(!server.is_running() && server.pid().is_none());
        assert!(client.ping().is_err());
        assert!(gone(addr));
        server.kill9();

        server.restart().unwrap();
        assert_eq!(server.addr(), addr);
        assert_ne!(server.pid(), pid);
        let mut client = Client::connect(addr).unwrap();
        assert_eq!(client.messages("orders").unwrap(), 200);
        assert_eq!(client.publish("orders", "tea").unwrap(), 201);
    }
}

#[test]
fn stopped_in_order_it_says_so_and_keeps_its_store() {
    for binary in Binary::all_or_skip() {
        let server = Server::start(&binary).unwrap();
        let mut client = Client::connect(server.addr()).unwrap();
        client.create("orders", 1).unwrap();
        client.publish("orders", "tea").unwrap();
        server.stop().unwrap();
        assert!(!server.is_running());
        assert!(server.log().contains("Server Exiting"), "{}", server.log());
        server.stop().unwrap();

        server.restart().unwrap();
        let mut client = Client::connect(server.addr()).unwrap();
        assert_eq!(client.messages("orders").unwrap(), 1);
    }
}

#[test]
fn started_again_while_it_runs_it_is_killed_first() {
    for binary in Binary::all_or_skip() {
        let server = Server::start(&binary).unwrap();
        let mut client = Client::connect(server.addr()).unwrap();
        server.restart().unwrap();
        assert!(client.ping().is_err());
        assert!(Client::connect(server.addr()).is_ok());
    }
}

#[test]
fn many_at_once_do_not_get_in_each_others_way() {
    for binary in Binary::all_or_skip() {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let server = Server::start(&binary).unwrap();
                    let mut client = Client::connect(server.addr()).unwrap();
                    client.create("orders", 1).unwrap();
                    assert_eq!(client.publish("orders", "tea").unwrap(), 1);
                });
            }
        });
    }
}

#[test]
fn its_configuration_can_say_more() {
    for binary in Binary::all_or_skip() {
        let server = Server::with(&binary, "max_payload: 2048").unwrap();
        let client = Client::connect(server.addr()).unwrap();
        assert_eq!(client.info["max_payload"], 2048);
    }
}

#[test]
fn what_does_not_start_says_why() {
    for binary in Binary::all_or_skip() {
        let error = Server::with(&binary, "max_payload: \"of no size\"").unwrap_err().to_string();
        assert!(error.contains("is string, not int64"), "{error}");
        assert!(error.contains(&binary.version().to_string()), "{error}");
    }
}

#[test]
fn dropped_it_leaves_nothing() {
    for binary in Binary::all_or_skip() {
        let server = Server::start(&binary).unwrap();
        let (addr, folder) = (server.addr(), server.folder().to_path_buf());
        assert!(folder.join("store").is_dir());
        drop(server);
        assert!(gone(addr));
        assert!(!folder.exists());
    }
}

#[test]
fn a_process_that_is_killed_takes_its_servers_with_it() {
    if role().as_deref() == Some("owner") {
        let server = Server::start(&Binary::or_skip().unwrap()).unwrap();
        println!("\nSERVER {} {}", server.addr(), server.folder().display());
        // For ever: it is killed.
        loop {
            thread::park();
        }
    }
    if Binary::or_skip().is_none() {
        return;
    }
    let mut owner = again("owner").unwrap().stdout(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(owner.stdout.take().unwrap());
    let line = said.lines().map_while(Result::ok).find(|line| line.starts_with("SERVER "));
    let line = line.expect("the owner did not start its server");
    let words: Vec<&str> = line.split(' ').collect();
    let (addr, folder): (SocketAddr, PathBuf) = (words[1].parse().unwrap(), words[2].into());
    assert!(Client::connect(addr).is_ok());
    owner.kill().unwrap();
    owner.wait().unwrap();
    eventually("its server is gone", || (gone(addr) && !folder.exists()).then_some(()));
}

#[test]
fn a_client_in_another_language_is_there_and_connects() {
    let (Some(python), Some(binary)) = (python_or_skip(), Binary::or_skip()) else { return };
    let server = Server::start(&binary).unwrap();
    let program = "import asyncio, nats, sys\n\
        async def main():\n    \
            client = await nats.connect(sys.argv[1])\n    \
            await client.flush()\n    \
            await client.close()\n\
        asyncio.run(main())";
    let done = Command::new(python).args(["-c", program, &server.url()]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// What this test says where there is no server, with `required` as the variable's value.
fn without_server(required: Option<&str>) -> (bool, String) {
    let mut command = again("without").unwrap();
    command.env("NATS_SERVER", "").env_remove("MEMQ_REQUIRE_NATS");
    command.envs(required.map(|value| ("MEMQ_REQUIRE_NATS", value)));
    // The runner is to keep what tests print, as it does for people.
    let mut quiet = Command::new(command.get_program());
    quiet.args(command.get_args().filter(|arg| *arg != "--nocapture"));
    quiet.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if required.is_none() {
        quiet.env_remove("MEMQ_REQUIRE_NATS");
    }
    let output = quiet.output().unwrap();
    let both = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&both).into_owned())
}

#[test]
fn without_a_server_a_test_is_skipped_loudly() {
    if role().is_some() {
        assert!(Binary::or_skip().is_none());
        return;
    }
    for required in [None, Some("0")] {
        let (passed, said) = without_server(required);
        assert!(passed, "{said}");
        assert!(
            said.contains("SKIPPED: server::without_a_server_a_test_is_skipped_loudly"),
            "{said}"
        );
        assert!(said.contains("scripts/nats-servers"), "{said}");
        assert!(said.contains("tests/harness/server.rs"), "{said}");
    }
}

#[test]
fn without_a_server_a_test_fails_where_one_is_required() {
    if role().is_some() {
        assert!(Binary::or_skip().is_none());
        return;
    }
    let (passed, said) = without_server(Some("1"));
    assert!(!passed, "{said}");
    assert!(said.contains("MEMQ_REQUIRE_NATS=1"), "{said}");
}

#[test]
fn a_named_program_that_is_no_server_is_an_error_and_not_passed_over() {
    if role().is_some() {
        let said = Binary::all().unwrap_err().to_string();
        assert!(said.contains("NATS_SERVER: /nowhere/nats-server"), "{said}");
        return;
    }
    let mut child = again("misled").unwrap();
    child.env("NATS_SERVER", Path::new("/nowhere/nats-server")).stderr(Stdio::piped());
    let mut child = child.stdout(Stdio::null()).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
}
