//! One admitted request: whose it is, who asks, and how it reads and writes.

use super::RequestId;
use super::host::Place;
use super::login::Caller;
use crate::app::AppState;
use crate::auth::{form_token, same_secret};
use crate::ports::{Decided, Position, SubmitError, with_scope};
use crate::problem::{Kind, Problem};
use crate::routes::{Csrf, Idempotency, Method, Row};
use crate::shop::Shop;
use axum::extract::FromRequestParts;
use gearify_commerce::command::{COMMANDS, CommandId, GroupKind, Keep, Reply};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::{Actor, ReadScope, Refusal, Site, StateVersion, TenantId, Timestamp, Vault, version};
use http::request::Parts;
use http::{Extensions, HeaderMap, Uri, header};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Everything a handler needs to know about its request. A clone is one pointer.
#[derive(Clone)]
pub struct Call(Arc<Inner>);

struct Inner {
    admitted: Admitted,
    wrote: Mutex<Wrote>,
}

/// What the gate found out.
pub struct Admitted {
    pub state: AppState,
    pub row: Arc<Row>,
    pub request_id: RequestId,
    pub place: Place,
    pub caller: Caller,
    pub client: IpAddr,
    pub target: Uri,
    pub key: Option<String>,
    pub conditional: Conditional,
    pub hash: [u8; 16],
}

#[derive(Default)]
struct Wrote {
    last: Option<Position>,
    /// How many commands each scope has made.
    commands: BTreeMap<String, u32>,
    replayed: bool,
    /// The command that was sent last.
    command: Option<CommandId>,
    /// The key that a form carries in a field.
    form_key: Option<String>,
    /// Somebody has looked at the revision the change must be made from.
    minds_revision: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Call, Problem> {
        Call::of(&parts.extensions)
    }
}

impl Call {
    pub(super) fn new(admitted: Admitted) -> Call {
        Call(Arc::new(Inner { admitted, wrote: Mutex::default() }))
    }

    pub(crate) fn of(extensions: &Extensions) -> Result<Call, Problem> {
        extensions.get().cloned().ok_or_else(|| Problem::internal("the handler runs without its gate"))
    }

    pub fn state(&self) -> &AppState {
        &self.0.admitted.state
    }

    pub fn row(&self) -> &Row {
        &self.0.admitted.row
    }

    pub fn request_id(&self) -> &RequestId {
        &self.0.admitted.request_id
    }

    pub fn path(&self) -> &str {
        self.0.admitted.target.path()
    }

    pub fn place(&self) -> &Place {
        &self.0.admitted.place
    }

    pub fn caller(&self) -> &Caller {
        &self.0.admitted.caller
    }

    pub fn client(&self) -> IpAddr {
        self.0.admitted.client
    }

    pub fn now(&self) -> Timestamp {
        self.state().clock.now()
    }

    pub fn vault(&self) -> &dyn Vault {
        self.state().backend.vault()
    }

    /// The shop of the host. Routes under the operator's host have none.
    ///
    /// # Errors
    /// `not-found` there.
    pub fn shop(&self) -> Result<&Arc<Shop>, Problem> {
        match self.place() {
            Place::Shop(shop) => Ok(shop),
            Place::Platform | Place::Anywhere => Err(Problem::new(Kind::NotFound)),
        }
    }

    /// The shop's tenant, or the platform.
    pub fn tenant(&self) -> TenantId {
        self.place().tenant()
    }

    /// Reads committed state of this tenant: of its site in the region, of the tenant as a whole elsewhere.
    pub fn read<T>(&self, group: GroupKind, read: impl FnOnce(&ReadScope<'_>) -> T) -> T {
        self.read_tenant(self.tenant(), group, read)
    }

    /// Reads another tenant's state: for operators.
    pub fn read_tenant<T>(
        &self,
        tenant: TenantId,
        group: GroupKind,
        read: impl FnOnce(&ReadScope<'_>) -> T,
    ) -> T {
        with_scope(&*self.state().backend, group, tenant, site_of(group), read)
    }

    /// Whether a group follows the rules of a version, which every node then knows.
    pub fn follows(&self, group: GroupKind, version: StateVersion) -> bool {
        version::of(&*self.state().backend.reader(group, self.tenant())) >= version
    }

    /// Sends an intent to the owning group and waits until it is decided.
    ///
    /// # Errors
    /// The problem of the refusal, or of the node.
    pub async fn submit(&self, intent: impl Into<Intent>) -> Result<Reply, Problem> {
        let scope = self.own_scope();
        self.submit_as(self.tenant(), &scope, self.actor(), intent.into()).await
    }

    /// Like [`Call::submit`], where the idempotency key belongs to `scope` rather than to the caller.
    pub async fn submit_scoped(&self, scope: &str, intent: impl Into<Intent>) -> Result<Reply, Problem> {
        self.submit_as(self.tenant(), scope, self.actor(), intent.into()).await
    }

    /// Like [`Call::submit`], into another tenant: for operators.
    pub async fn submit_to(&self, tenant: TenantId, intent: impl Into<Intent>) -> Result<Reply, Problem> {
        let scope = self.own_scope();
        self.submit_as(tenant, &scope, self.actor(), intent.into()).await
    }

    /// Like [`Call::submit`], in the name of somebody who has just proved who they are, and as a command
    /// of its own whatever idempotency key came along: sessions are never replayed.
    pub async fn submit_unkeyed(&self, actor: Actor, intent: impl Into<Intent>) -> Result<Reply, Problem> {
        let id = CommandId::fresh(self.now(), rand::random());
        self.submit_with(id, self.tenant(), actor, intent.into()).await
    }

    /// Like [`Call::submit_unkeyed`], where `scope` names everything that the command is made from besides the
    /// request: the same key then names the same command, and is answered alike.
    pub async fn submit_proven(
        &self,
        actor: Actor,
        scope: &str,
        intent: impl Into<Intent>,
    ) -> Result<Reply, Problem> {
        match self.key() {
            Some(_) => self.submit_as(self.tenant(), scope, actor, intent.into()).await,
            None => self.submit_unkeyed(actor, intent).await,
        }
    }

    async fn submit_as(
        &self,
        tenant: TenantId,
        scope: &str,
        actor: Actor,
        intent: Intent,
    ) -> Result<Reply, Problem> {
        let id = self.command_id(tenant, scope);
        self.submit_with(id, tenant, actor, intent).await
    }

    async fn submit_with(
        &self,
        id: CommandId,
        tenant: TenantId,
        actor: Actor,
        intent: Intent,
    ) -> Result<Reply, Problem> {
        self.check_minded()?;
        let group = intent.group();
        let request = Request {
            id,
            keep: self.keep(),
            hash: self.0.admitted.hash,
            tenant,
            site: site_of(group),
            actor,
            intent,
        };
        let Decided { result, replayed, position } = match self.earlier(&request) {
            Some(decided) => decided,
            None => self.propose_or_recall(request).await?,
        };
        let mut wrote = self.0.wrote.lock();
        wrote.command = Some(id);
        wrote.last = Some(position);
        wrote.replayed |= replayed;
        drop(wrote);
        result.map_err(Problem::from)
    }

    /// What an earlier request with the same key came to. Asked first, because facts are about a state
    /// that this very command may have changed: a cart that it ordered can't be ordered again.
    fn earlier(&self, request: &Request) -> Option<Decided> {
        if !self.is_keyed() {
            return None;
        }
        let group = request.intent.group();
        let position = self.state().backend.position(group, request.tenant);
        let record = self.read_tenant(request.tenant, group, |view| COMMANDS.get(view, &request.id))?;
        let result = if record.request == request.hash { record.result } else { Err(Refusal::KeyReused) };
        Some(Decided { result, replayed: true, position })
    }

    /// What is stored as the answer to this request's last command, as of now.
    pub fn stored_reply(&self, view: &ReadScope<'_>) -> Option<Reply> {
        let id = self.0.wrote.lock().command?;
        COMMANDS.get(view, &id)?.result.ok()
    }

    fn is_keyed(&self) -> bool {
        self.0.admitted.key.is_some() || self.0.wrote.lock().form_key.is_some()
    }

    /// Proposes; a refusal may mean that the same request has just been decided by somebody else.
    async fn propose_or_recall(&self, request: Request) -> Result<Decided, Problem> {
        match self.propose(request.clone()).await {
            Err(problem) => self.earlier(&request).ok_or(problem),
            decided => decided,
        }
    }

    /// Notes that the answer shows the state as it is now, not only as this request's write left it.
    pub fn saw(&self, group: GroupKind) {
        let position = self.state().backend.position(group, self.tenant());
        self.0.wrote.lock().last = Some(position);
    }

    /// An unknown outcome is asked for again under the same id, so that nothing acts twice. A call with the key of
    /// one that still runs does the same: it waits for no other call but for the entry, and whichever of them stands
    /// in the log first acts. So there is no answer "still running": what is not decided in time is unknown to both.
    async fn propose(&self, request: Request) -> Result<Decided, Problem> {
        const PAUSE: Duration = Duration::from_millis(50);
        let deadline = Instant::now() + self.state().settings.request_timeout.mul_f32(0.8);
        let mut was_unknown = false;
        loop {
            let error = match self.state().backend.submit(request.clone()).await {
                Ok(decided) => return Ok(decided),
                Err(error) => error,
            };
            was_unknown |= matches!(error, SubmitError::Unknown);
            match error {
                SubmitError::Unknown | SubmitError::Unavailable if Instant::now() + PAUSE < deadline => {
                    tokio::time::sleep(PAUSE).await;
                }
                SubmitError::Refused(_) => return Err(Problem::from(error)),
                // What was asked for first may still be done.
                _ if was_unknown => return Err(Problem::from(SubmitError::Unknown)),
                _ => return Err(Problem::from(error)),
            }
        }
    }

    /// The same key of the same caller names the same command; without a key every request is its own.
    /// Further commands of one request get further ids.
    fn command_id(&self, tenant: TenantId, scope: &str) -> CommandId {
        let mut wrote = self.0.wrote.lock();
        let number = wrote.commands.entry(scope.to_owned()).or_default();
        *number += 1;
        let number = *number;
        let key = wrote.form_key.clone().or_else(|| self.0.admitted.key.clone());
        drop(wrote);
        match &key {
            Some(key) => CommandId(self.vault().hash(
                tenant,
                "command",
                format!("{scope}\n{number}\n{key}").as_bytes(),
            )),
            None => CommandId::fresh(self.now(), rand::random()),
        }
    }

    /// Whose idempotency keys these are: the caller's, or, for guests, those of what the path names.
    fn own_scope(&self) -> String {
        match self.caller() {
            Caller::Guest => format!("guest {}", self.path()),
            caller => caller.name(),
        }
    }

    /// Records of keyed writes outlast any retry; so do those of forms, which people send again late.
    fn keep(&self) -> Keep {
        let by_form = self.0.wrote.lock().form_key.is_some();
        if by_form || self.row().idempotency == Idempotency::Required { Keep::Long } else { Keep::Short }
    }

    /// Takes the key of a form, which can't send headers: sent twice, it acts once.
    pub(crate) fn adopt_key(&self, key: String) {
        self.0.wrote.lock().form_key = Some(key);
    }

    pub fn actor(&self) -> Actor {
        self.caller().actor()
    }

    /// The idempotency key as the caller sent it.
    pub fn key(&self) -> Option<&str> {
        self.0.admitted.key.as_deref()
    }

    pub fn conditional(&self) -> &Conditional {
        &self.0.admitted.conditional
    }

    /// The revision a change must be made from, if the caller named one.
    pub fn if_match(&self) -> Option<u64> {
        self.0.wrote.lock().minds_revision = true;
        self.conditional().revision
    }

    /// Where no handler looks at the revision, there is none that the record could still have.
    ///
    /// # Errors
    /// `stale-version`: a change that insists on a revision is made from that one or not at all (RFC 9110, 13.1.1).
    fn check_minded(&self) -> Result<(), Problem> {
        let overwrites = matches!(self.row().method, Method::Put | Method::Patch | Method::Delete);
        let insists = self.conditional().revision.is_some();
        match overwrites && insists && !self.0.wrote.lock().minds_revision {
            true => Err(Problem::new(Kind::PreconditionFailed)),
            false => Ok(()),
        }
    }

    /// The revision a change must be made from.
    ///
    /// # Errors
    /// `precondition-required` if the caller named none.
    pub fn require_match(&self) -> Result<u64, Problem> {
        self.if_match().ok_or_else(|| Problem::new(Kind::PreconditionRequired))
    }

    /// For records without a revision: a change that insists on one can't be made (RFC 9110, 13.1.1).
    ///
    /// # Errors
    /// `stale-version` if the caller named a revision.
    pub fn refuse_match(&self) -> Result<(), Problem> {
        match self.if_match() {
            Some(_) => Err(Problem::new(Kind::PreconditionFailed)),
            None => Ok(()),
        }
    }

    pub fn wrote_at(&self) -> Option<Position> {
        self.0.wrote.lock().last
    }

    /// Whether the first write of this request had been made before.
    pub fn was_replayed(&self) -> bool {
        self.0.wrote.lock().replayed
    }

    /// What this visitor's forms carry; empty for visitors without a session or cart cookie.
    pub fn form_token(&self) -> Option<String> {
        let visitor = self.caller().by_cookie().then(|| self.caller().name())?;
        Some(form_token(self.vault(), self.tenant(), &visitor))
    }

    /// # Errors
    /// `cross-site` if the route wants a token, the visitor has a session, and this is not its token.
    pub(crate) fn check_form_token(&self, given: Option<&str>) -> Result<(), Problem> {
        if self.row().csrf != Csrf::Token {
            return Ok(());
        }
        match self.form_token() {
            Some(ours) if !given.is_some_and(|given| same_secret(&ours, given)) => {
                Err(Problem::new(Kind::CrossSite))
            }
            _ => Ok(()),
        }
    }
}

/// Data of the region belong to the tenant's site there, all else to the tenant as a whole.
fn site_of(group: GroupKind) -> Site {
    match group {
        GroupKind::Region => Site::FIRST,
        GroupKind::World | GroupKind::Catalogue => Site::NONE,
    }
}

/// `If-Match` and `If-None-Match`.
#[derive(Clone, Debug, Default)]
pub struct Conditional {
    /// From `If-Match`.
    revision: Option<u64>,
    if_none_match: Option<String>,
}

impl Conditional {
    pub(super) fn of(headers: &HeaderMap) -> Result<Conditional, Problem> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let revision = match text(header::IF_MATCH) {
            None | Some("*") => None,
            Some(tag) => Some(read_revision(tag)?),
        };
        Ok(Conditional { revision, if_none_match: text(header::IF_NONE_MATCH).map(str::to_owned) })
    }

    /// Whether the caller has this representation already.
    pub fn has(&self, tag: &str) -> bool {
        let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let ours = plain(tag);
        self.if_none_match
            .as_deref()
            .is_some_and(|list| list.split(',').any(|one| one.trim() == "*" || plain(one) == ours))
    }
}

/// The revision in one of our strong tags. A weak one never matches a precondition (RFC 9110, 8.8.3).
fn read_revision(tag: &str) -> Result<u64, Problem> {
    if tag.starts_with("W/") {
        return Err(Problem::new(Kind::PreconditionFailed));
    }
    let inner = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    // Catalogue tags hold the revision before a dot; what follows is the price list's position.
    let revision = inner.and_then(|inner| inner.split('.').next()).and_then(|text| text.parse().ok());
    revision.ok_or_else(|| {
        Problem::new(Kind::Malformed).detail("If-Match takes one ETag as this interface writes it.")
    })
}

/// The strong tag of a record's revision.
pub fn revision_tag(revision: u64) -> String {
    format!("\"{revision}\"")
}
