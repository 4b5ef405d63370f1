//! Settings as an operator meets them: what is accepted, what is refused, and how it is said.

use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::declare::Item;
use crate::value::Setting;

fn resolve(file: &str, environment: &[(&str, &str)], options: &[(&str, &str)]) -> Result<Settings, String> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("gearify.toml");
    std::fs::write(&path, file).expect("the settings file");
    let options: Vec<(String, String)> =
        options.iter().map(|(path, value)| (path.to_string(), value.to_string())).collect();
    Settings::resolve(Some(&path), environment.iter().copied(), &options)
        .map_err(|error| error.to_string().replace(&*path.to_string_lossy(), "gearify.toml"))
}

fn refusal(file: &str, environment: &[(&str, &str)], options: &[(&str, &str)]) -> String {
    resolve(file, environment, options).expect_err("these settings should be refused")
}

#[test]
fn without_anything_written_the_defaults_hold() {
    let settings = Settings::default();
    assert_eq!(settings.mode, Mode::Development);
    assert_eq!(settings.node.data_dir, PathBuf::from("data"));
    assert_eq!(settings.listen.public.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.listen.tls.certificate, None);
    assert_eq!(settings.hosts.operator_host.as_str(), "localhost");
    assert_eq!(settings.storage.sled_cache.bytes(), 64 << 20);
    assert_eq!(settings.replication.heartbeat_interval, Duration::from_millis(100));
    assert!(!settings.payments.test.enabled);
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let file = "[node]\nid = 2\nregion = \"file\"\n[limits]\nconnections_max = 100\n";
    let environment = [("GEARIFY_NODE__ID", "3"), ("GEARIFY_NODE__REGION", "variable")];
    let settings = resolve(file, &environment, &[("node.id", "4")]).expect("valid settings");
    assert_eq!(settings.limits.connections_max, 100);
    assert_eq!(settings.node.region.as_str(), "variable");
    assert_eq!(settings.node.id, 4);
    assert_eq!(*settings.origin("node.id"), Origin::CommandLine);
    assert_eq!(settings.origin("limits.connections_max").to_string().split(':').next_back(), Some("5"));
    assert_eq!(*settings.origin("node.data_dir"), Origin::Default);
}

#[test]
fn unknown_keys_are_refused_by_name_place_and_nearest_key() {
    let file = "mode = \"development\"\n[listen]\noperation = \"x\"\n[telemetri]\nlevel = \"info\"\n";
    let environment = [("GEARIFY_LISTEN__PUBLICC", "1"), ("GEARIFY_CONFIG", "/etc/x"), ("HOME", "/root")];
    insta::assert_snapshot!(refusal(file, &environment, &[("node.idd", "4")]), @r"
    gearify.toml:3: listen.operation: unknown key; nearest is listen.operations
    gearify.toml:4: telemetri: unknown key; nearest is telemetry.level
    environment GEARIFY_LISTEN__PUBLICC: listen.publicc: unknown key; nearest is GEARIFY_LISTEN__PUBLIC
    command line: node.idd: unknown key; nearest is node.id
    ");
}

#[test]
fn wrong_values_are_all_listed_with_what_is_expected() {
    let file = r#"
listen = "127.0.0.1:80"
[node]
id = 0
region = "Home"
[web]
request_timeout = 30
body_bytes_max = "1 megabyte"
trusted_proxies = ["10.0.0.0/33"]
[web.rates]
enabled = "yes"
[payments.test]
url = "ftp://x"
webhook_secret = "short"
[telemetry]
level = "loud"
"#;
    insta::assert_snapshot!(refusal(file, &[("GEARIFY_STORAGE__LOG_CACHE", "1KiB")], &[]), @r#"
    gearify.toml:2: listen: is a section, write [listen] and its keys below
    gearify.toml:4: node.id: 0: must be between 1 and 65535
    gearify.toml:5: node.region: "Home": expected 1 to 32 lower-case letters, digits and inner hyphens, like "eu-west"
    gearify.toml:7: web.request_timeout: 30: expected a duration with its unit (ms, s, m, h or d) like "30s"
    gearify.toml:8: web.body_bytes_max: "1 megabyte": expected a size with its unit (B, KiB, MiB, GiB, kB, MB or GB) like "64MiB"
    gearify.toml:9: web.trusted_proxies: ["10.0.0.0/33"]: expected an address or address range like "10.0.0.0/8" or "::1"
    gearify.toml:11: web.rates.enabled: "yes": expected true or false
    gearify.toml:13: payments.test.url: "ftp://x": expected an http or https address like "http://127.0.0.1:8099"
    gearify.toml:14: payments.test.webhook_secret: expected a secret of at least 16 bytes
    gearify.toml:16: telemetry.level: "loud": expected a level (off, error, warn, info, debug or trace) or a list like "info,openraft=warn"
    environment GEARIFY_STORAGE__LOG_CACHE: storage.log_cache: "1KiB": must be between 1MiB and 16GiB
    "#);
}

#[test]
fn a_secret_that_is_refused_is_not_repeated() {
    let message = refusal("", &[("GEARIFY_PAYMENTS__TEST__WEBHOOK_SECRET", "hunter2")], &[]);
    assert!(message.contains("at least 16 bytes"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn a_file_that_is_no_toml_or_is_not_there_is_one_clear_line() {
    assert!(refusal("[node]\nid = = 3\n", &[], &[]).starts_with("gearify.toml:2: not valid TOML: "));
    let nothing: [(String, String); 0] = [];
    let error =
        Settings::resolve(Some("/nowhere/gearify.toml".as_ref()), nothing, &[]).expect_err("no such file");
    assert!(
        error.to_string().starts_with("cannot read the settings file /nowhere/gearify.toml: "),
        "{error}"
    );
}

#[test]
fn values_have_to_fit_each_other() {
    let file = r#"
[listen]
operations = "127.0.0.1:8080"
[listen.tls]
certificate = "/etc/gearify/certificate.pem"
[replication]
heartbeat_interval = "400ms"
election_timeout_max = "500ms"
[payments.test]
enabled = true
[web]
trusted_proxies = ["0.0.0.0/0"]
"#;
    insta::assert_snapshot!(refusal(file, &[], &[]), @r#"
    gearify.toml:3: listen.operations: must differ from listen.public
    gearify.toml:5: listen.tls.key: is needed as listen.tls.certificate is set
    gearify.toml:7: replication.election_timeout_min: must be at least three times replication.heartbeat_interval, or a single late message costs a leader
    gearify.toml:8: replication.election_timeout_max: must be greater than replication.election_timeout_min, or nodes stand for election at once
    gearify.toml:10: payments.test.webhook_secret: is needed as payments.test.enabled is true
    gearify.toml:12: web.trusted_proxies: trusts everybody: any client could claim any address; name the proxies' own range
    "#);
}

#[test]
fn a_bucket_needs_an_address_and_a_whole_key() {
    let bucket = ("backup.target", "s3://shops");
    assert!(refusal("", &[], &[bucket]).contains("backup.s3.endpoint: must be an http address"));
    let https = ("backup.s3.endpoint", "https://s3.example");
    assert!(refusal("", &[], &[bucket, https]).contains("must be an http address"));
    let http = ("backup.s3.endpoint", "http://10.0.0.20:9000");
    assert!(resolve("", &[], &[bucket, http]).is_ok());
    let half = ("backup.s3.secret_access_key", "a-secret-of-sixteen");
    assert!(refusal("", &[], &[bucket, http, half]).contains("backup.s3.access_key_id"));
}

#[test]
fn nothing_is_concluded_from_a_value_that_is_wrong_itself() {
    let file = "[listen.tls]\ncertificate = 3\nkey = \"/k.pem\"\n";
    let message = refusal(file, &[], &[]);
    assert_eq!(message, "gearify.toml:2: listen.tls.certificate: 3: expected a path");
}

#[test]
fn production_lists_everything_that_is_unsafe() {
    let file = r#"
mode = "production"
[listen]
public = "0.0.0.0:80"
operations = "0.0.0.0:9090"
[web.rates]
enabled = false
[payments.test]
enabled = true
webhook_secret = "sixteen bytes or more"
"#;
    insta::assert_snapshot!(refusal(file, &[], &[]), @r#"
    gearify.toml:2: keys.master_key_file: production mode refuses this: without a master key of your own, personal data is only as safe as the data directory
    gearify.toml:2: web.session_secret_file: production mode refuses this: without a session key of your own, nodes cannot share sessions
    gearify.toml:4: listen.public: production mode refuses this: plain HTTP on an address that others can reach; set listen.tls.certificate and listen.tls.key, or listen.behind_tls_proxy where a proxy ends TLS
    gearify.toml:5: listen.operations: production mode refuses this: 0.0.0.0:9090 is neither a loopback nor a private address, and this listener has no login
    gearify.toml:7: web.rates.enabled: production mode refuses this: without rate limits passwords can be guessed
    gearify.toml:9: payments.test.enabled: production mode refuses this: test payments give goods away
    "#);
}

const SAFE: &str = r#"
mode = "production"
[keys]
master_key_file = "/etc/gearify/master.key"
[web]
session_secret_file = "/etc/gearify/session.key"
"#;

#[test]
fn production_accepts_tls_a_trusted_proxy_or_a_loopback_address() {
    let accepted = |options: &[(&str, &str)]| resolve(SAFE, &[], options).map(drop);
    assert_eq!(accepted(&[]), Ok(()));
    let public = ("listen.public", "203.0.113.7:443");
    let tls = [("listen.tls.certificate", "/c.pem"), ("listen.tls.key", "/k.pem")];
    assert_eq!(accepted(&[public, tls[0], tls[1]]), Ok(()));
    let redirect = ("listen.redirect", "203.0.113.7:80");
    assert_eq!(accepted(&[public, tls[0], tls[1], redirect]), Ok(()));
    assert!(accepted(&[redirect]).expect_err("nowhere to go").contains("listen.redirect: needs listen.tls"));
    let proxy = ("listen.behind_tls_proxy", "true");
    assert_eq!(accepted(&[public, proxy, ("web.trusted_proxies", "10.1.0.0/16, ::1")]), Ok(()));
    assert!(accepted(&[public, proxy]).expect_err("no proxy named").contains("web.trusted_proxies"));
    assert!(accepted(&[public]).expect_err("plain HTTP").contains("plain HTTP"));
}

#[test]
fn the_printed_settings_say_where_each_value_came_from_and_hide_secrets() {
    let file = "[payments.test]\nenabled = true\nwebhook_secret = \"a very long secret\"\n";
    let settings = resolve(file, &[("GEARIFY_NODE__ID", "7")], &[("web.trusted_proxies", "10.0.0.0/8")])
        .expect("valid settings");
    let printed = settings.print();
    let line =
        |start: &str| printed.lines().find(|line| line.starts_with(start)).unwrap_or("none").to_owned();
    assert_eq!(line("id ="), "id = 7 # environment GEARIFY_NODE__ID");
    assert_eq!(line("trusted_proxies ="), "trusted_proxies = [\"10.0.0.0/8\"] # command line");
    assert_eq!(line("mode ="), "mode = \"development\" # default");
    assert!(line("webhook_secret =").starts_with("webhook_secret = \"***\" # "), "{printed}");
    assert!(line("webhook_secret =").ends_with("gearify.toml:3"), "{printed}");
    assert!(!format!("{printed}{settings:?}").contains("very long"), "a secret was shown");
}

#[test]
fn the_printed_settings_resolve_to_the_same_settings() {
    let options = [("mode", "production"), ("node.data_dir", "/var/lib/a \"quoted\" path")];
    let settings = resolve(SAFE, &[], &options).expect("valid settings");
    let again = resolve(&settings.print(), &[], &[]).expect("printed settings are valid");
    let (first, second): (&Tree, &Tree) = (&settings, &again);
    assert_eq!(first, second);
}

/// Set the variable UPDATE_EXAMPLE to write the file anew after a change of the declaration.
#[test]
fn the_example_file_is_the_declaration() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/gearify.toml");
    if std::env::var_os("UPDATE_EXAMPLE").is_some() {
        std::fs::write(file, Settings::example()).expect("the example file can be written");
    }
    let written = std::fs::read_to_string(file).expect("the example file is there");
    assert_eq!(written, Settings::example(), "run this test once with UPDATE_EXAMPLE=1");
}

#[test]
fn the_example_changes_nothing_and_holds_the_defaults() {
    assert_eq!(resolve(&Settings::example(), &[], &[]), Ok(Settings::default()));

    let uncommented: String = Settings::example()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') && !key.is_empty() => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let all_set = resolve(&uncommented, &[], &[]).expect("every line of the example is valid");
    let defaults = Settings::default();
    let mut keys = 0;
    for item in print::items() {
        let Item::Key(key) = item else { continue };
        keys += 1;
        assert_ne!(*all_set.origin(&key.path), Origin::Default, "{} is missing in the example", key.path);
    }
    assert!(keys > 40, "only {keys} keys");
    assert_eq!(all_set.web.rates, defaults.web.rates);
    assert_eq!(all_set.limits, defaults.limits);
    assert_eq!(all_set.replication, defaults.replication);
}

#[test]
fn the_production_example_is_accepted_by_production() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/production.toml");
    let nothing: [(String, String); 0] = [];
    let settings = Settings::resolve(Some(file.as_ref()), nothing, &[]).expect("the example is valid");
    assert_eq!(settings.mode, Mode::Production);
}

#[test]
fn every_key_can_be_set_by_its_variable() {
    for item in print::items() {
        let Item::Key(key) = item else { continue };
        let variable = format!("GEARIFY_{}", key.path.replace('.', "__").to_uppercase());
        let value = if key.default.is_empty() { key.sample.expect("a sample") } else { key.default };
        let message = match resolve("", &[(&variable, value)], &[]) {
            Ok(settings) => {
                assert_ne!(*settings.origin(&key.path), Origin::Default, "{variable}");
                continue;
            }
            Err(message) => message,
        };
        // One half of the TLS pair or of a store's key alone, or a redirect, is refused for what is missing.
        let begins = |section: &str| message.starts_with(&format!("environment {variable}: {section}"));
        let tls = begins("listen.") && message.contains("listen.tls.");
        assert!(tls || begins("backup.s3.secret_access_key"), "{message}");
    }
}

#[test]
fn units_are_read_exactly_or_refused() {
    let duration = |text| Duration::from_text(text).map(|duration| duration.as_millis()).ok();
    assert_eq!(duration("30s"), Some(30_000));
    assert_eq!(duration("250 ms"), Some(250));
    assert_eq!(duration("2h"), Some(7_200_000));
    for wrong in
        ["", "30", "s", "-1s", "1.5s", "1S", "1 week", "99999999999999999999s", "18446744073709551615d"]
    {
        assert_eq!(duration(wrong), None, "{wrong}");
    }
    let size = |text| ByteSize::from_text(text).map(ByteSize::bytes).ok();
    assert_eq!(size("64MiB"), Some(64 << 20));
    assert_eq!(size("1 kB"), Some(1_000));
    assert_eq!(size("0B"), Some(0));
    for wrong in ["", "64", "64mib", "-1B", "1TiB", "18446744073709551615KiB"] {
        assert_eq!(size(wrong), None, "{wrong}");
    }
}

#[test]
fn names_and_addresses_are_checked() {
    let host = |text| HostName::from_text(text).is_ok();
    assert!(host("localhost") && host("shops.example") && host("xn--bcher-kva.example"));
    assert!(!host("") && !host("Shops.example") && !host("a..b") && !host("a:80") && !host("-a.example"));
    let url = |text| BaseUrl::from_text(text).is_ok();
    assert!(url("http://127.0.0.1:8099") && url("https://pay.example/base"));
    assert!(
        !url("file:///etc") && !url("http://user:pw@x.example") && !url("http://x.example/?a=b") && !url("x")
    );
    let archive = |text| ArchiveUrl::from_text(text).ok();
    assert_eq!(archive("file:///mnt/backups"), Some(ArchiveUrl::Directory("/mnt/backups".into())));
    let (bucket, prefix) = ("shops".to_owned(), "a/b".to_owned());
    assert_eq!(archive("s3://shops/a/b/"), Some(ArchiveUrl::Bucket { bucket, prefix }));
    for wrong in ["", "/mnt", "file://host/mnt", "s3://", "s3:///a", "http://shops/a", "s3://shops/a?b"] {
        assert_eq!(archive(wrong), None, "{wrong}");
    }
    let filter = |text| LogFilter::from_text(text).is_ok();
    assert!(filter("info") && filter("warn,gearify_web=debug,openraft::core=off") && filter("openraft=warn"));
    assert!(!filter("") && !filter("loud") && !filter("info,warn") && !filter("a=b") && !filter("info,"));
}

#[test]
fn ranges_contain_what_lies_in_them() {
    let contains = |range: &str, address: &str| {
        IpRange::from_text(range).expect("a range").contains(address.parse().expect("an address"))
    };
    assert!(contains("10.0.0.0/8", "10.255.0.1"));
    assert!(!contains("10.0.0.0/8", "11.0.0.1"));
    assert!(contains("10.0.0.0/8", "::ffff:10.0.0.1"), "a mapped address is the address it maps");
    assert!(contains("192.0.2.1", "192.0.2.1") && !contains("192.0.2.1", "192.0.2.0"));
    assert!(contains("2001:db8::/32", "2001:db8::1") && !contains("2001:db8::/32", "2001:db9::1"));
    assert!(contains("::/0", "2001:db9::1") && !contains("::/0", "10.0.0.1"));
}

proptest! {
    #[test]
    fn a_printed_duration_or_size_reads_back_as_itself(amount in any::<u64>()) {
        let size = ByteSize::from_bytes(amount);
        prop_assert_eq!(ByteSize::from_text(&size.to_string()), Ok(size));
        let duration = Duration::from_millis(amount);
        let printed = duration.to_toml().expect("a duration always prints");
        prop_assert_eq!(Duration::from_text(printed.trim_matches('"')), Ok(duration));
    }

    #[test]
    fn no_text_makes_resolving_panic(text in "\\PC{0,80}") {
        for item in print::items() {
            let Item::Key(key) = item else { continue };
            let nothing: [(String, String); 0] = [];
            let _ = Settings::resolve(None, nothing, &[(key.path, text.clone())]);
        }
    }
}
