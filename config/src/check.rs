//! What has to hold between values, and what production refuses.

use crate::layers::Layers;
use crate::settings::Tree;
use crate::value::{ArchiveUrl, Mode, is_loopback, is_private};
use crate::{Origin, Problem};

/// Notes every contradiction. A key whose own value is wrong already is left alone: it holds its default,
/// and whatever followed from that would send the reader after a fault that is not there.
pub(crate) fn check(tree: &Tree, layers: &mut Layers) {
    let mut found = Findings::default();
    consistency(tree, &mut found);
    if tree.mode == Mode::Production {
        production(tree, &mut found);
    }
    for Finding { keys, what } in found.0 {
        if keys.iter().any(|key| layers.failed.contains(*key)) {
            continue;
        }
        let origin = keys.iter().find_map(|key| layers.origins.get(*key)).cloned();
        layers.problems.push(Problem {
            key: keys[0].to_owned(),
            origin: origin.unwrap_or(Origin::Default),
            what,
        });
    }
}

#[derive(Default)]
struct Findings(Vec<Finding>);

struct Finding {
    /// The key to change first, then others the finding depends on.
    keys: Vec<&'static str>,
    what: String,
}

impl Findings {
    fn refuse(&mut self, when: bool, keys: &[&'static str], what: impl Into<String>) {
        if when {
            self.0.push(Finding { keys: keys.to_vec(), what: what.into() });
        }
    }
}

fn consistency(tree: &Tree, found: &mut Findings) {
    let tls = &tree.listen.tls;
    found.refuse(
        tls.certificate.is_some() && tls.key.is_none(),
        &["listen.tls.key", "listen.tls.certificate"],
        "is needed as listen.tls.certificate is set",
    );
    found.refuse(
        tls.key.is_some() && tls.certificate.is_none(),
        &["listen.tls.certificate", "listen.tls.key"],
        "is needed as listen.tls.key is set",
    );
    found.refuse(
        tree.listen.redirect.is_some() && tls.certificate.is_none(),
        &["listen.redirect", "listen.tls.certificate"],
        "needs listen.tls.certificate and listen.tls.key: there is no https address to send anybody to",
    );
    let s3 = &tree.backup.s3;
    found.refuse(
        s3.access_key_id.is_some() != s3.secret_access_key.is_some(),
        &["backup.s3.secret_access_key", "backup.s3.access_key_id"],
        "is needed with backup.s3.access_key_id, and not without it",
    );
    let in_bucket = matches!(tree.backup.target, Some(ArchiveUrl::Bucket { .. }));
    found.refuse(
        in_bucket && s3.endpoint.as_ref().is_none_or(|endpoint| endpoint.as_url().scheme() != "http"),
        &["backup.s3.endpoint", "backup.target"],
        "must be an http address: a bucket is reached by plain HTTP",
    );
    let (public, operations) = (tree.listen.public, tree.listen.operations);
    found.refuse(
        public == operations && public.port() != 0,
        &["listen.operations", "listen.public"],
        "must differ from listen.public",
    );
    let replication = &tree.replication;
    found.refuse(
        replication.election_timeout_min < replication.heartbeat_interval * 3,
        &["replication.election_timeout_min", "replication.heartbeat_interval"],
        "must be at least three times replication.heartbeat_interval, or a single late message costs a leader",
    );
    found.refuse(
        replication.election_timeout_max <= replication.election_timeout_min,
        &["replication.election_timeout_max", "replication.election_timeout_min"],
        "must be greater than replication.election_timeout_min, or nodes stand for election at once",
    );
    found.refuse(
        tree.storage.disk_low_percent <= tree.storage.disk_full_percent,
        &["storage.disk_low_percent", "storage.disk_full_percent"],
        "must be greater than storage.disk_full_percent, or the warning comes too late",
    );
    let test = &tree.payments.test;
    found.refuse(
        test.enabled && test.webhook_secret.is_none(),
        &["payments.test.webhook_secret", "payments.test.enabled"],
        "is needed as payments.test.enabled is true",
    );
    found.refuse(
        tree.web.trusted_proxies.iter().any(|range| range.is_everything()),
        &["web.trusted_proxies"],
        "trusts everybody: any client could claim any address; name the proxies' own range",
    );
}

fn production(tree: &Tree, found: &mut Findings) {
    let refused = |what: &str| format!("production mode refuses this: {what}");
    found.refuse(
        tree.payments.test.enabled,
        &["payments.test.enabled", "mode"],
        refused("test payments give goods away"),
    );
    found.refuse(
        tree.keys.master_key_file.is_none(),
        &["keys.master_key_file", "mode"],
        refused("without a master key of your own, personal data is only as safe as the data directory"),
    );
    found.refuse(
        tree.web.session_secret_file.is_none(),
        &["web.session_secret_file", "mode"],
        refused("without a session key of your own, nodes cannot share sessions"),
    );
    found.refuse(
        !tree.web.rates.enabled,
        &["web.rates.enabled", "mode"],
        refused("without rate limits passwords can be guessed"),
    );
    let listen = &tree.listen;
    let plain_http = listen.tls.certificate.is_none() && listen.tls.key.is_none();
    let exposed = plain_http && !is_loopback(listen.public.ip());
    found.refuse(
        exposed && !listen.behind_tls_proxy,
        &["listen.public", "mode", "listen.tls.certificate", "listen.tls.key", "listen.behind_tls_proxy"],
        refused(
            "plain HTTP on an address that others can reach; set listen.tls.certificate and listen.tls.key, \
             or listen.behind_tls_proxy where a proxy ends TLS",
        ),
    );
    found.refuse(
        exposed && listen.behind_tls_proxy && tree.web.trusted_proxies.is_empty(),
        &["web.trusted_proxies", "listen.behind_tls_proxy", "mode"],
        refused("listen.behind_tls_proxy without the proxies' addresses; anybody could pose as one"),
    );
    let operations = listen.operations.ip();
    found.refuse(
        !is_loopback(operations) && !is_private(operations),
        &["listen.operations", "mode"],
        refused(&format!(
            "{} is neither a loopback nor a private address, and this listener has no login",
            listen.operations
        )),
    );
}
