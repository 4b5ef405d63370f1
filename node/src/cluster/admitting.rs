//! How a node is taken in, by whoever leads the cluster: what is checked, and the certificate it gets.

use super::founding::open_authority;
use super::member::{Member, known_peers};
use super::messages::{AdminAnswer, Admission, JoinAnswer, JoinRequest, ProposeAnswer, join_proof_text};
use super::roster::{Command, NodeState, Refusal, Reply, Roster};
use super::token::{JoinToken, secret_hash};
use gearify_commerce::StateVersion;
use gearify_replication::NodeId;
use gearify_replication::net::{Authority, Issued, JoinRefused, PeerName, check_proof};
use std::time::SystemTime;

/// Clocks of nodes may differ by so much when one joins.
const CLOCK_OFFSET_MAX_MS: i64 = 30_000;
const ADDRESS_BYTES_MAX: usize = 255;

fn not_now(reason: impl ToString) -> JoinRefused {
    JoinRefused::new("not-now", reason)
}

fn of_token(refusal: &Refusal) -> JoinRefused {
    let reason = match refusal {
        Refusal::UnknownToken => "token-unknown",
        Refusal::TokenExpired => "token-expired",
        Refusal::TokenUsed => "token-used",
        Refusal::AddressTaken { .. } => "address",
        Refusal::OtherRegion { .. } => "region",
        _ => "roster",
    };
    JoinRefused::new(reason, refusal)
}

/// Everything that can be refused without an entry.
fn check_join(
    roster: &Roster,
    request: &JoinRequest,
    follows: StateVersion,
    now_ms: i64,
) -> Result<(), JoinRefused> {
    let secret = secret_hash(&request.secret);
    let known = roster.check_token(now_ms, &request.token, &secret, &request.public_key);
    known.map_err(|refusal| of_token(&refusal))?;
    let text = join_proof_text(&request.token, &request.region, &request.address);
    let proof = check_proof(&request.public_key, &text, &request.proof);
    proof.map_err(|error| JoinRefused::new("proof", error))?;
    let name = PeerName::new(&roster.cluster, &request.region, NodeId(0));
    name.map_err(|error| JoinRefused::new("region", error))?;
    let port = request.address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if request.address.len() > ADDRESS_BYTES_MAX || port.is_none_or(|port| port == 0) {
        return Err(JoinRefused::new("address", "its address is not host:port"));
    }
    if !roster.has_region(&request.region) {
        let region = &request.region;
        let text = format!(
            "the cluster has no region {region}; add it with `gearify region add {region}`, or set \
             node.region to one that is there"
        );
        return Err(JoinRefused::new("region", text));
    }
    if request.master_key != roster.master_key {
        let text = "its master key is not the cluster's; copy the first node's to it";
        return Err(JoinRefused::new("master-key", text));
    }
    if request.newest < follows {
        let newest = request.newest;
        let text = format!(
            "its program knows the groups' rules up to version {newest}, and the cluster follows version \
             {follows}; start the cluster's version of gearify"
        );
        return Err(JoinRefused::new("version", text));
    }
    let offset = request.now_ms.abs_diff(now_ms);
    if offset > CLOCK_OFFSET_MAX_MS.unsigned_abs() {
        return Err(JoinRefused::new("clock", format!("its clock differs by {} s", offset / 1000)));
    }
    Ok(())
}

impl Member {
    /// A certificate for a node of the roster, under the key it joined with.
    pub(super) fn issue(&self, name: &PeerName) -> Result<Issued, String> {
        let roster = self.roster.borrow().clone();
        let record = roster.nodes.get(&name.node().0).ok_or("the roster does not know this node")?;
        if record.state == NodeState::Removed || record.region != name.region() {
            return Err("the roster does not know this node so".into());
        }
        let key = open_authority(&self.vault, &roster.cluster, &roster.authority_key);
        let key = key.map_err(|error| error.to_string())?;
        let authority = Authority::from_parts(&roster.cluster, roster.authority.clone(), &key);
        let authority = authority.map_err(|error| error.to_string())?;
        let issued = authority.issue(name, &record.public_key, SystemTime::now(), self.certificate_valid);
        issued.map_err(|error| error.to_string())
    }

    pub(super) async fn admit(&self, request: JoinRequest) -> Result<JoinAnswer, JoinRefused> {
        let group = self.group().ok_or_else(|| not_now("the node is starting"))?;
        if !group.is_leader() {
            let leader = group.leader().filter(|leader| *leader != self.node());
            let record = leader.and_then(|leader| self.net.book().find(leader));
            let record = record.ok_or_else(|| not_now("the cluster has no leader at the moment"))?;
            return Ok(JoinAnswer::TryAt { address: record.address });
        }
        let (follows, now_ms) = (self.follows(), crate::backend::now().as_millis());
        check_join(&self.roster.borrow().clone(), &request, follows, now_ms)?;
        let command = Command::Admit {
            token: request.token,
            secret_hash: secret_hash(&request.secret),
            public_key: request.public_key,
            region: request.region.clone(),
            address: request.address,
        };
        let node = match self.propose_here(command).await {
            ProposeAnswer::Applied(Ok(Reply::Admitted { node })) => node,
            ProposeAnswer::Applied(Err(refusal)) => return Err(of_token(&refusal)),
            _ => return Err(not_now("the cluster could not decide; try again with the same token")),
        };
        let name = PeerName::new(self.me.cluster(), &request.region, NodeId(node));
        let Issued { certificate, valid_until } = self.issue(&name.map_err(not_now)?).map_err(not_now)?;
        let roster = self.roster.borrow().clone();
        tracing::info!(node, "a node was taken in");
        Ok(JoinAnswer::Admitted(Box::new(Admission {
            node,
            certificate,
            valid_until,
            authority: roster.authority.clone(),
            peers: known_peers(&roster),
        })))
    }

    pub(super) async fn new_token(&self, valid_secs: u64, replaces: Option<u64>) -> AdminAnswer {
        let roster = self.roster.borrow().clone();
        let Some(authority) = self.authority_public_key() else { return AdminAnswer::Unavailable };
        let made = JoinToken::new(&roster.cluster, authority);
        let now_ms = crate::backend::now().as_millis();
        let expires_ms = now_ms.saturating_add_unsigned(valid_secs.saturating_mul(1000));
        let (token, secret_hash) = (made.id, made.secret_hash());
        let command = match replaces {
            None => Command::AddToken { token, secret_hash, expires_ms },
            Some(node) => Command::AddReplacement { token, secret_hash, expires_ms, node },
        };
        match self.propose(command).await {
            Some(Ok(_)) => AdminAnswer::Token(made.to_string()),
            Some(Err(refusal)) => AdminAnswer::Refused(refusal),
            None => AdminAnswer::Unavailable,
        }
    }

    fn authority_public_key(&self) -> Option<[u8; 32]> {
        let roster = self.roster.borrow().clone();
        let key = open_authority(&self.vault, &roster.cluster, &roster.authority_key).ok()?;
        Some(Authority::from_parts(&roster.cluster, roster.authority.clone(), &key).ok()?.public_key())
    }
}

#[cfg(test)]
mod tests {
    use super::super::roster::{NodeRecord, TokenRecord};
    use super::*;
    use gearify_replication::net::NodeKey;

    #[test]
    fn whoever_may_not_join_hears_why_under_a_reason_of_its_own() {
        const NOW: i64 = 10_000_000;
        let key = NodeKey::generate().unwrap();
        let (token, region, address) = ([7; 8], "home", "192.0.2.9:7400");
        let text = join_proof_text(&token, region, address);
        let request = || JoinRequest {
            token,
            secret: [8; 16],
            public_key: key.public(),
            proof: key.prove(&text).unwrap(),
            region: region.into(),
            address: address.into(),
            master_key: "ours".into(),
            now_ms: NOW,
            newest: 2,
        };
        let record = TokenRecord { secret_hash: secret_hash(&[8; 16]), expires_ms: NOW + 1, used_by: None };
        let first = NodeRecord {
            region: region.into(),
            address: "192.0.2.1:7400".into(),
            public_key: [1; 32],
            state: NodeState::Active,
        };
        let roster = Roster {
            cluster: "acme".into(),
            master_key: "ours".into(),
            nodes: [(1, first)].into(),
            tokens: [(token, record.clone())].into(),
            ..Roster::default()
        };
        assert_eq!(check_join(&roster, &request(), 2, NOW), Ok(()));
        let used = TokenRecord { used_by: Some(1), ..record };
        let spent = Roster { tokens: [(token, used)].into(), ..roster.clone() };
        let table: [(&str, &Roster, JoinRequest, i64); 10] = [
            ("token-unknown", &roster, JoinRequest { token: [9; 8], ..request() }, NOW),
            ("token-unknown", &roster, JoinRequest { secret: [9; 16], ..request() }, NOW),
            ("token-expired", &roster, request(), NOW + 1),
            ("token-used", &spent, request(), NOW),
            ("proof", &roster, JoinRequest { address: "192.0.2.8:7400".into(), ..request() }, NOW),
            ("master-key", &roster, JoinRequest { master_key: "theirs".into(), ..request() }, NOW),
            ("version", &roster, JoinRequest { newest: 1, ..request() }, NOW),
            ("clock", &roster, JoinRequest { now_ms: NOW - 3_600_000, ..request() }, NOW),
            ("clock", &roster, JoinRequest { now_ms: NOW + 3_600_000, ..request() }, NOW),
            ("address", &roster, signed(&key, JoinRequest { address: "nowhere".into(), ..request() }), NOW),
        ];
        for (reason, roster, request, now_ms) in table {
            let refused = check_join(roster, &request, 2, now_ms).unwrap_err();
            assert_eq!(refused.reason, reason, "{refused}");
            assert!(!refused.text.contains('\n') && refused.text.len() > 20, "one clear line: {refused}");
        }
    }

    fn signed(key: &NodeKey, request: JoinRequest) -> JoinRequest {
        let text = join_proof_text(&request.token, &request.region, &request.address);
        JoinRequest { proof: key.prove(&text).unwrap(), ..request }
    }
}
