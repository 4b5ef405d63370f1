//! A shop brought elsewhere is the same shop, whatever happened in it, and nothing arrives of a damaged one.

use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::bundle::{Command, is_arriving};
use gearify_commerce::command::{CommandId, Keep, Stamped};
use gearify_commerce::customers::{self, CUSTOMERS};
use gearify_commerce::intent::{CustomerIntent, Intent};
use gearify_commerce::sealed::{self, SealError};
use gearify_commerce::tenants::{self, Status};
use gearify_commerce::{
    Actor, CustomerId, GroupKind, ReadScope, Refusal, Reply, Site, Slug, TenantId, bundle as arrivals,
};
use gearify_node::bundle::{self, BundleError, Destination, GroupPart, History, ImportError, Place, Summary};
use gearify_storage::{Batch, Engine, MemoryEngine, Reader, encode};
use gearify_tests::acts::owner;
use gearify_tests::scenario::Scenario;
use gearify_tests::stage::Stage;
use gearify_tests::{Pure, Telling};
use proptest::prelude::*;
use std::io;
use std::sync::Arc;

#[path = "bundles/between_shards.rs"]
mod between_shards;
#[path = "tales/moves.rs"]
mod moves;
#[path = "bundles/while_it_sells.rs"]
mod while_it_sells;

const PARTS: [(GroupKind, Site); 3] =
    [(GroupKind::Region, Site::FIRST), (GroupKind::Catalogue, Site::NONE), (GroupKind::World, Site::NONE)];

struct Told<'p> {
    stage: &'p Pure,
    group: GroupKind,
    owner: (TenantId, Site),
}

impl History for Told<'_> {
    fn page(&self, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, BundleError> {
        let of_site = self.stage.events.iter().filter(|(group, event)| {
            *group == self.group && (event.tenant, event.site) == self.owner && event.sequence >= from
        });
        Ok(of_site.take(limit).map(|(_, event)| (event.sequence, encode(event))).collect())
    }
}

fn exported(stage: &Pure, tenant: TenantId, (group, site): (GroupKind, Site)) -> Vec<u8> {
    let mut out = Vec::new();
    let history = Told { stage, group, owner: (tenant, site) };
    stage.read(group, tenant, &mut |rows: &dyn Reader| {
        let (position, keys_of, blobs) = (stage.log.len() as u64, tenant, Vec::new());
        let part = GroupPart { group, tenant, site, rows, history: &history, position, keys_of, blobs };
        bundle::export(&part, &mut out).unwrap();
    });
    out
}

/// Every part of the bundle but its head.
fn content(bytes: &[u8]) -> Vec<bundle::Part> {
    let mut bundle = bundle::Bundle::open(bytes).unwrap();
    std::iter::from_fn(|| bundle.next_part().unwrap()).collect()
}

struct Into<'p> {
    stage: &'p mut Pure,
    tenant: TenantId,
    site: Site,
}

impl Into<'_> {
    fn apply(&mut self, command: Command) -> Result<Reply, Refusal> {
        let group = command.group();
        let stamped = Stamped {
            id: CommandId([0; 16]),
            keep: Keep::Nothing,
            request: [0; 16],
            tenant: self.tenant,
            site: self.site,
            actor: Actor::System,
            at: self.stage.now(),
            seed: 1,
            command: command.into(),
        };
        self.stage.apply(group, &encode(&stamped)).result
    }
}

impl Destination for Into<'_> {
    fn step(&mut self, command: Command) -> BoxFuture<'_, Result<Reply, ImportError>> {
        // Every step comes twice, as after an unknown outcome.
        let first = self.apply(command.clone());
        let again = self.apply(command);
        assert_eq!(first.is_ok(), again.is_ok());
        std::future::ready(first.map_err(ImportError::Refused)).boxed()
    }
}

fn place(tenant: TenantId, site: Site) -> Place {
    Place::new(tenant, site, u32::MAX)
}

fn import(bytes: &[u8], place: &Place, stage: &mut Pure) -> Result<Summary, ImportError> {
    let mut into = Into { stage, tenant: place.tenant, site: place.site };
    let open = || -> io::Result<&[u8]> { Ok(bytes) };
    bundle::import(open, place, &mut into).now_or_never().expect("memory never waits")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_exported_imported_and_exported_again_is_equal(moves in moves::some(40)) {
        let shop = moves::play(&moves);
        let (from, tenant) = (&shop.stage, shop.tenant());
        let mut to = Pure::new();
        for part in PARTS {
            let bytes = exported(from, tenant, part);
            let summary = import(&bytes, &place(tenant, part.1), &mut to).unwrap();
            prop_assert!(summary.rows > 0 && summary.events > 0);
            let again = exported(&to, tenant, part);
            prop_assert_eq!(content(&again), content(&bytes));
        }
        // Whoever looks at the shop there sees the same state, its own bookkeeping of the arrival apart.
        prop_assert_eq!(without_arrivals(&to, tenant), without_arrivals(from, tenant));
    }

    #[test]
    fn a_changed_byte_anywhere_is_refused_and_nothing_arrives(
        moves in moves::some(12), at in any::<prop::sample::Index>(), bit in 0..8u8,
    ) {
        let shop = moves::play(&moves);
        let tenant = shop.tenant();
        for part in PARTS {
            let mut bytes = exported(&shop.stage, tenant, part);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let mut to = Pure::new();
            let refused = import(&bytes, &place(tenant, part.1), &mut to);
            prop_assert!(matches!(refused, Err(ImportError::Bundle(_))), "{:?}", refused);
            prop_assert_eq!(to.rows(), Pure::new().rows());
        }
    }
}

type Rows = Vec<(GroupKind, Vec<(Vec<u8>, Vec<u8>)>)>;

fn without_arrivals(stage: &Pure, tenant: TenantId) -> Rows {
    let of = |(group, site)| {
        let mut rows = Vec::new();
        stage.read(group, tenant, &mut |reader| {
            rows = arrivals::rows(reader, (tenant, site), None, usize::MAX).unwrap()
        });
        (group, rows)
    };
    PARTS.map(of).into()
}

fn view<T>(
    stage: &Pure,
    group: GroupKind,
    tenant: TenantId,
    site: Site,
    read: impl Fn(&ReadScope<'_>) -> T,
) -> T {
    let mut found = None;
    stage.read(group, tenant, &mut |reader| found = Some(read(&ReadScope::new(reader, tenant, site))));
    found.unwrap()
}

fn registered(shop: &mut Scenario<Pure>) -> CustomerId {
    let intent = CustomerIntent::Register {
        email: "ada@shop.example".into(),
        name: "Ada Marker".into(),
        password_hash: "$argon2id$x".into(),
        locale: gearify_commerce::Locale::parse("en-GB").unwrap(),
    };
    let tenant = shop.tenant();
    let reply = shop.stage.submit(tenant, Actor::System, None, Intent::Customer(intent)).unwrap();
    CustomerId::from_bits(reply.id.unwrap())
}

#[test]
fn a_shop_brought_back_over_itself_keeps_its_history_and_its_erased_stay_erased() {
    let mut shop = moves::play(&[]);
    let tenant = shop.tenant();
    let gone = registered(&mut shop);
    let bundles = PARTS.map(|part| exported(&shop.stage, tenant, part));
    let events = |stage: &Pure| {
        stage.events.iter().filter(|(group, _)| *group == GroupKind::Region).map(|(_, e)| e.sequence).max()
    };
    let erase = Intent::from(customers::Command::Erase { customer: gone });
    shop.stage.submit(tenant, Actor::System, None, erase).unwrap();
    let told = events(&shop.stage);

    // It sells, so the shop's record can't be replaced.
    let refused = import(&bundles[2], &place(tenant, Site::NONE), &mut shop.stage);
    assert!(matches!(refused, Err(ImportError::Refused(Refusal::Bundle(arrivals::Refusal::Sells)))));
    shop.stage.submit(tenant, Actor::System, None, Intent::from(tenants::Command::Suspend)).unwrap();
    for ((_, site), bytes) in PARTS.into_iter().zip(&bundles) {
        let place = Place { status: Some(Status::Suspended), ..place(tenant, site) };
        import(bytes, &place, &mut shop.stage).unwrap();
    }
    let status = |stage: &Pure| {
        view(stage, GroupKind::World, tenant, Site::NONE, |view| tenants::get(view)).unwrap().status
    };
    assert_eq!(status(&shop.stage), Status::Suspended);
    shop.stage.submit(tenant, Actor::System, None, Intent::from(tenants::Command::Resume)).unwrap();
    assert_eq!(status(&shop.stage), Status::Active);

    let known = view(&shop.stage, GroupKind::Region, tenant, Site::FIRST, |view| CUSTOMERS.get(view, &gone));
    assert_eq!(known, None);
    let person = customers::person_of(gone);
    let register = view(&shop.stage, GroupKind::Region, tenant, Site::FIRST, |view| {
        (sealed::ERASED.contains(view, &person), sealed::PERSON_KEYS.contains(view, &person))
    });
    assert_eq!(register, (true, false));
    // The history goes on; nothing in it is told twice but that the customer is gone.
    let erasures = shop.stage.events.iter().filter(|(_, event)| event.event.name() == "customer.erased");
    assert_eq!(erasures.count(), 2);
    assert_eq!(events(&shop.stage), told.map(|last| last + 1));
    assert!(!view(&shop.stage, GroupKind::Region, tenant, Site::FIRST, |view| is_arriving(view)));
}

fn world_of(stage: &Pure) -> Arc<dyn Reader> {
    let world = MemoryEngine::new();
    stage.read(GroupKind::World, TenantId::PLATFORM, &mut |rows| {
        let mut batch = Batch::new();
        rows.scan(b"", b"", usize::MAX).unwrap().into_iter().for_each(|(key, row)| batch.put(key, row));
        world.commit(batch).unwrap();
    });
    Arc::new(world)
}

#[test]
fn a_copy_has_its_own_name_no_hosts_and_the_keys_of_the_shop_it_was_made_of() {
    let mut shop = moves::play(&[]);
    let (tenant, copy) = (shop.tenant(), TenantId::from_bits(0xc0b1));
    let customer = registered(&mut shop);
    let bundles = PARTS.map(|part| exported(&shop.stage, tenant, part));
    for ((_, site), bytes) in PARTS.into_iter().zip(&bundles) {
        let slug = Slug::parse("the-copy").unwrap();
        import(bytes, &Place { copy_named: Some(slug), ..place(copy, site) }, &mut shop.stage).unwrap();
    }
    let record = view(&shop.stage, GroupKind::World, copy, Site::NONE, |view| tenants::get(view)).unwrap();
    assert_eq!(
        (record.slug.as_str(), record.domains.len(), record.status),
        ("the-copy", 0, Status::Suspended)
    );
    let source = view(&shop.stage, GroupKind::World, copy, Site::NONE, |view| tenants::keys_of(view, copy));
    assert_eq!(source, tenant);
    // What is sealed opens, once the vault knows whose copy it is.
    let vault = shop.stage.node_vault();
    let name = || {
        view(&shop.stage, GroupKind::Region, copy, Site::FIRST, |view| {
            let known = CUSTOMERS.get(view, &customer).expect("it came along");
            sealed::open(view, vault, &known.profile).map(|profile| profile.name)
        })
    };
    assert_eq!(name(), Err(SealError::WrongKey));
    let world: Arc<dyn Reader> = Arc::new(MemoryEngine::new());
    vault.know_copies(&world);
    assert_eq!(name(), Err(SealError::WrongKey));
    let world = world_of(&shop.stage);
    vault.know_copies(&world);
    assert_eq!(name(), Ok("Ada Marker".to_owned()));
    // The shop itself has not noticed.
    let original =
        view(&shop.stage, GroupKind::World, tenant, Site::NONE, |view| tenants::get(view)).unwrap();
    assert_eq!(original.status, Status::Active);
    assert_eq!(exported(&shop.stage, tenant, PARTS[0])[40..], bundles[0][40..]);
}

#[test]
fn a_shop_that_was_brought_elsewhere_goes_on_with_its_numbers() {
    let mut shop = moves::play(&[]);
    let (ada, bob) = (shop.shopper("ada"), shop.shopper("bob"));
    shop.run([ada.adds("BALL", 1), ada.pays(), owner::cancels(&ada)]);
    let mut there = Pure::new();
    for part in PARTS {
        let bytes = exported(&shop.stage, shop.tenant(), part);
        import(&bytes, &place(shop.tenant(), part.1), &mut there).unwrap();
    }
    shop.stage = there;
    // The audit, which runs after every act, finds a gap and a repeat.
    shop.run([bob.adds("BALL", 1), bob.pays(), owner::refunds(&bob, 1, false)]);
    let numbers = |who| shop.papers(who).documents.into_iter().map(|document| document.number.to_string());
    assert_eq!(numbers(&ada).collect::<Vec<_>>(), ["INV-000001", "CN-000001"]);
    assert_eq!(numbers(&bob).collect::<Vec<_>>(), ["INV-000002", "CN-000002"]);
}

#[test]
fn a_bundle_of_newer_rules_waits_for_newer_programs() {
    let shop = moves::play(&[]);
    let bytes = exported(&shop.stage, shop.tenant(), PARTS[0]);
    let mut to = Pure::new();
    let old = Place { state_version: 2, ..place(shop.tenant(), Site::FIRST) };
    assert!(matches!(import(&bytes, &old, &mut to), Err(ImportError::OldProgram)));
    assert_eq!(to.rows(), Pure::new().rows());
}
