//! Starts that must fail: one clear line, a non-zero status, and nothing lost.

use crate::buyers::{Attempt, acknowledged, read};
use crate::mounts::Mount;
use gearify_tests::process::{Ran, Serve, free_address, run};
use gearify_tests::shop::Premises;
use std::net::TcpListener;

/// The one line of a start that failed.
#[track_caller]
fn line(ran: &Ran) -> String {
    assert!(!ran.status.success(), "it should not have started: {}", ran.stderr);
    assert!(ran.status.code().is_some(), "it ends by itself, not by a signal: {}", ran.status);
    let said: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("gearify: ")).collect();
    assert_eq!(said.len(), 1, "one line says why:\n{}\n{}", ran.stdout, ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    said[0].to_owned()
}

fn start(serve: &Serve) -> Ran {
    run(serve.command(free_address(), free_address()))
}

#[test]
fn a_second_process_on_the_same_directory_ends_and_the_first_goes_on() {
    let premises = Premises::new();
    let market = premises.shop_selling(&[("BALL", 2_490, 10)]);
    let node = premises.start();
    let said = line(&start(&premises.serve()));
    assert!(said.contains("in use by another gearify process"), "{said}");
    let host = premises.host(&node);
    premises.runtime.block_on(async {
        let attempt = Attempt::prepare(&host, "BALL", 1, "tok_ok").await.expect("the first node serves");
        attempt.place().await.expect("the node answers").expect(201);
    });
    node.stop();
    premises.look_over(&market);
}

#[test]
fn a_port_that_is_taken_is_named_and_the_disk_is_left_alone() {
    let premises = Premises::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = taken.local_addr().expect("a bound listener has an address");
    for ran in [
        run(premises.serve().command(address, free_address())),
        run(premises.serve().command(free_address(), address)),
    ] {
        let said = line(&ran);
        assert!(said.contains(&format!("can't listen on {address}")), "{said}");
        assert!(!premises.data().exists(), "nothing is made before the ports are had");
    }
}

#[test]
fn a_data_directory_that_can_not_be_used_is_named() {
    let premises = Premises::new();
    std::fs::write(premises.data(), "a file where the directory should be").expect("a file is written");
    let said = line(&start(&premises.serve()));
    assert!(said.contains(&premises.data().display().to_string()), "{said}");
    let below = Serve { data: premises.data().join("below"), ..premises.serve() };
    let said = line(&start(&below));
    assert!(said.contains(&below.data.display().to_string()), "{said}");
    let kept = std::fs::read_to_string(premises.data()).expect("the file is still there");
    assert_eq!(kept, "a file where the directory should be");
}

#[test]
fn a_directory_that_can_only_be_read_is_named() {
    let premises = Premises::new();
    premises.open_shop().0.stop();
    let _mounted = Mount::new(&["--bind", "-o", "ro"], Some(&premises.data()), &premises.data());
    let said = line(&start(&premises.serve()));
    assert!(said.contains(&premises.data().display().to_string()), "{said}");
}

#[test]
fn a_disk_that_others_fill_to_the_last_byte_loses_nothing() {
    let premises = Premises::new();
    let mounted = Mount::disk(192, &premises.data());
    let market = premises.shop_selling(&[("BALL", 2_490, 100_000)]);

    // Full while it runs: what is new is refused, what is under way is let in for as long as it can be kept.
    let node = premises.start();
    let host = premises.host(&node);
    let (kept, unknown) = premises.runtime.block_on(async {
        let mut kept = Vec::new();
        for number in 0..5 {
            let attempt = Attempt::prepare(&host, "BALL", number, "tok_ok").await.expect("there is room");
            let answer = attempt.place().await.expect("the node answers").expect(201);
            kept.push(acknowledged(&answer.json));
        }
        let waiting = Attempt::prepare(&host, "BALL", 5, "tok_ok").await.expect("there is room");
        mounted.fill();
        loop {
            match waiting.place().await {
                Ok(answer) if answer.status.as_u16() == 507 => break,
                Ok(answer) if answer.status.as_u16() == 201 => {
                    kept.push(acknowledged(&answer.json));
                    // It went in before anything was noticed, and is answered so for good.
                    if Attempt::prepare(&host, "BALL", 6, "tok_ok").await.is_err() {
                        break;
                    }
                }
                Ok(answer) => assert!(answer.status.is_server_error(), "{}: {}", answer.status, answer.json),
                Err(_) => return (kept, Some(waiting)),
            }
            kept.dedup();
        }
        for order in &kept {
            let path = format!("/api/v1/orders/{}/cancel", order.id);
            let request = host.request(reqwest::Method::POST, &path).header("order-token", &order.token);
            let Ok(answer) = host.send(request.json(&serde_json::json!({}))).await else { break };
            let status = answer.status.as_u16();
            assert!(status < 300 || status == 503, "{status}: {}", answer.json);
        }
        (kept, Some(waiting))
    });
    node.ask_to_end();
    let log = node.log();
    let status = node.ended();
    assert!(status.code().is_some(), "it ends by itself, not by a signal: {status}: {log}");
    if !status.success() {
        let said: Vec<&str> = log.lines().filter(|line| line.starts_with("gearify: ")).collect();
        assert!(said.len() == 1 && said[0].contains("full"), "one line says that the disk is full: {said:?}");
    }

    // Full when it starts.
    mounted.fill();
    let said = line(&start(&premises.serve()));
    assert!(said.contains("full") && said.contains(&premises.data().display().to_string()), "{said}");

    mounted.empty();
    let node = premises.start();
    let host = premises.host(&node);
    premises.runtime.block_on(async {
        for order in &kept {
            assert_eq!(acknowledged(&read(&host, order).await), *order, "what was acknowledged is there");
        }
        if let Some(attempt) = unknown {
            attempt.moved(&host).place().await.expect("the node answers").expect(201);
        }
    });
    node.stop();
    premises.look_over(&market);
    drop(mounted);
}
