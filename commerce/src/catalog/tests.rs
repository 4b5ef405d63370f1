//! Stories of this context.

use super::testing::{Range, add_on as knocking, code, make, product as bat, sku, words};
use super::*;
use crate::check::Problem;
use crate::command;
use crate::harness::Harness;
use crate::ids::{CategoryId, MediaId, ProductId, VariantId};
use crate::tenants::BlobHash;
use crate::text::{Slug, Text};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn refused(shop: &mut Harness, command: Command) -> Refusal {
    match shop.refused(command) {
        command::Refusal::Catalog(refusal) => refusal,
        other => panic!("{other}"),
    }
}

fn shop() -> Harness {
    let mut shop = Harness::new();
    Range::new(&mut shop);
    shop
}

fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

fn sized(text: &str, size: &str) -> VariantDetails {
    VariantDetails { options: BTreeMap::from([(code("size"), code(size))]), ..VariantDetails::new(sku(text)) }
}

/// A product with both sizes.
fn sized_bat(shop: &mut Harness, at: &str) -> ProductId {
    let details = ProductDetails { options: vec![code("size")], ..bat(at) };
    make(shop, details, vec![sized(&format!("{at}-SH"), "sh"), sized(&format!("{at}-LH"), "lh")])
}

fn plain(shop: &mut Harness, at: &str) -> ProductId {
    make(shop, bat(at), vec![VariantDetails::new(sku(at))])
}

fn only_variant(shop: &Harness, product: ProductId) -> Variant {
    variants_of(&shop.view(), product).remove(0)
}

#[test]
fn a_product_is_made_with_its_variants() {
    let mut shop = shop();
    let before = shop.events.len();
    let first = sized_bat(&mut shop, "first");
    let second = plain(&mut shop, "second");
    assert_eq!(
        shop.story()[before..],
        ["product.created", "variant.created", "variant.created", "product.created", "variant.created"]
    );
    let view = shop.view();
    let found = product(&view, first).unwrap();
    assert_eq!((found.number, found.revision, found.status), (1, 1, ProductStatus::Draft));
    assert_eq!(product_by_number(&view, 2).unwrap().id, second);
    assert_eq!(variant_counts(&view, first), VariantCounts { all: 2, live: 2 });
    let skus: BTreeSet<_> =
        variants_of(&view, first).into_iter().map(|v| v.details.sku.to_string()).collect();
    assert_eq!(skus, BTreeSet::from(["first-LH", "first-SH"].map(str::to_owned)));
    assert_eq!(products_after(&view, Some(first), 10).len(), 1);
}

#[test]
fn a_product_without_a_variant_is_no_product() {
    let mut shop = shop();
    let make = Command::CreateProduct { details: bat("bare"), variants: vec![], publish: false };
    assert_eq!(refused(&mut shop, make), Refusal::NoVariant);
    let sold = plain(&mut shop, "sold");
    shop.run(Command::PublishProduct { product: sold, expected: Some(1) });
    let last = only_variant(&shop, sold).id;
    let archive = Command::ArchiveVariant { variant: last, expected: None };
    assert_eq!(refused(&mut shop, archive.clone()), Refusal::NoVariant);
    shop.run(Command::UnpublishProduct { product: sold, expected: None });
    shop.run(archive);
    assert_eq!(
        refused(&mut shop, Command::PublishProduct { product: sold, expected: None }),
        Refusal::NoVariant
    );
}

#[test]
fn a_changed_slug_leads_to_the_new_one_and_is_never_reused() {
    let mut shop = shop();
    let first = plain(&mut shop, "old");
    let second = plain(&mut shop, "other");
    let rename = |product, to: &str| Command::UpdateProduct { product, expected: None, details: bat(to) };
    shop.run(rename(first, "new"));
    assert_eq!(product_by_slug(&shop.view(), &slug("old")), Some(Found::Moved(slug("new"))));
    let taken = |text: &str| Refusal::SlugTaken { slug: slug(text), product: first };
    assert_eq!(refused(&mut shop, rename(second, "old")), taken("old"));
    assert_eq!(refused(&mut shop, rename(second, "new")), taken("new"));
    shop.run(rename(first, "old"));
    assert_eq!(product_by_slug(&shop.view(), &slug("new")), Some(Found::Moved(slug("old"))));
    assert!(
        matches!(product_by_slug(&shop.view(), &slug("old")), Some(Found::Here(found)) if found.id == first)
    );
}

#[test]
fn an_sku_is_unique_among_live_variants_whatever_its_case() {
    let mut shop = shop();
    let first = plain(&mut shop, "bat-1");
    let second = plain(&mut shop, "bat-2");
    let owner = only_variant(&shop, first).id;
    let taken = Refusal::SkuTaken { sku: sku("BAT-1"), variant: Some(owner) };
    let variants = vec![VariantDetails::new(sku("BAT-1"))];
    let another = Command::CreateProduct { details: bat("bat-3"), variants, publish: false };
    assert_eq!(refused(&mut shop, another.clone()), taken);
    let rename = Command::UpdateVariant {
        variant: only_variant(&shop, second).id,
        expected: None,
        details: VariantDetails::new(sku("BAT-1")),
    };
    assert_eq!(refused(&mut shop, rename), taken);
    shop.run(Command::ArchiveVariant { variant: owner, expected: Some(1) });
    assert_eq!(variant_by_sku(&shop.view(), &sku("bat-1")), None);
    shop.run(another);
    let heir = variant_by_sku(&shop.view(), &sku("bat-1")).unwrap().id;
    let restore = Command::RestoreVariant { variant: owner, expected: None };
    assert_eq!(refused(&mut shop, restore), Refusal::SkuTaken { sku: sku("bat-1"), variant: Some(heir) });
}

#[test]
fn a_choice_of_options_is_complete_and_unique() {
    let mut shop = shop();
    let product = sized_bat(&mut shop, "bat");
    let variant = |details| Command::CreateVariant { product, details };
    let missing = Refusal::OptionsMissing { options: vec![code("size")] };
    assert_eq!(refused(&mut shop, variant(VariantDetails::new(sku("X")))), missing);
    let unknown = Refusal::UnknownOptionValue { option: code("size"), value: code("xl") };
    assert_eq!(refused(&mut shop, variant(sized("X", "xl"))), unknown);
    assert!(matches!(
        refused(&mut shop, variant(sized("X", "sh"))),
        Refusal::CombinationTaken { variant: Some(_) }
    ));
    let twice = vec![sized("X", "sh"), sized("Y", "sh")];
    let details = ProductDetails { options: vec![code("size")], ..bat("twice") };
    let make = Command::CreateProduct { details, variants: twice, publish: false };
    assert_eq!(refused(&mut shop, make), Refusal::CombinationTaken { variant: None });
    let without = Command::UpdateProduct { product, expected: None, details: bat("bat") };
    assert_eq!(refused(&mut shop, without), Refusal::OptionsInUse);
}

#[test]
fn a_change_from_an_old_revision_is_stale_and_variants_count_for_the_page() {
    let mut shop = shop();
    let product = plain(&mut shop, "bat");
    let update = |expected| Command::UpdateProduct { product, expected, details: bat("bat") };
    assert_eq!(shop.run(update(Some(1))).revision, 2);
    assert_eq!(refused(&mut shop, update(Some(1))), Refusal::Stale { revision: 2 });
    let variant = only_variant(&shop, product);
    let details = VariantDetails { position: 4, ..variant.details };
    shop.run(Command::UpdateVariant { variant: variant.id, expected: Some(1), details });
    let found = super::product(&shop.view(), product).unwrap();
    assert_eq!((found.revision, found.generation), (2, 3));
}

#[test]
fn attributes_are_of_their_kind_and_place() {
    let mut shop = shop();
    let product = plain(&mut shop, "bat");
    let variant = only_variant(&shop, product);
    let with = |name: &str, value: AttributeValue| Command::UpdateVariant {
        variant: variant.id,
        expected: None,
        details: VariantDetails {
            attributes: BTreeMap::from([(code(name), value)]),
            ..variant.details.clone()
        },
    };
    shop.run(with(WEIGHT, AttributeValue::Number(1_180)));
    shop.run(with(GRADE, AttributeValue::Choice(code("a"))));
    let found = only_variant(&shop, product);
    assert_eq!(found.attribute(GRADE), Some(&AttributeValue::Choice(code("a"))));
    for (name, value) in [
        (GRADE, AttributeValue::Choice(code("z"))),
        (GRADE, AttributeValue::Number(1)),
        (WEIGHT, AttributeValue::Boolean(true)),
        (WEIGHT, AttributeValue::Number(i64::MAX)),
    ] {
        match refused(&mut shop, with(name, value)) {
            Refusal::Invalid(invalid) => assert_eq!(invalid.field, format!("attributes/{name}")),
            other => panic!("{other}"),
        }
    }
    let unknown = Refusal::UnknownAttribute { code: code("flavour") };
    assert_eq!(refused(&mut shop, with("flavour", AttributeValue::Boolean(true))), unknown);
    let attributes = BTreeMap::from([(code(WEIGHT), AttributeValue::Number(1))]);
    let details = ProductDetails { attributes, ..bat("bat") };
    let wrong_level = Command::UpdateProduct { product, expected: None, details };
    assert!(matches!(refused(&mut shop, wrong_level), Refusal::Invalid(_)));
}

#[test]
fn a_definition_in_use_loses_nothing() {
    let mut shop = shop();
    let choice = |text: &str| Choice { code: code(text), label: words(text) };
    let grades = |values: &[&str]| AttributeDetails {
        kind: AttributeKind::Choice { values: values.iter().map(|text| choice(text)).collect() },
        ..built_in_attributes().remove(0).details
    };
    let put = |details| Command::PutAttribute { expected: None, details };
    shop.run(put(grades(&["1_plus", "1", "2"])));
    shop.run(put(grades(&["1_plus", "1", "2", "3"])));
    let lost = Refusal::ChoiceInUse { code: code(GRADE), value: code("1") };
    assert_eq!(refused(&mut shop, put(grades(&["1_plus", "2", "3"]))), lost);
    let number = AttributeDetails { kind: AttributeKind::Boolean, ..grades(&["1"]) };
    assert_eq!(refused(&mut shop, put(number)), Refusal::KindInUse { code: code(GRADE) });
    let codes: Vec<_> = attributes(&shop.view()).into_iter().map(|a| a.details.code.to_string()).collect();
    assert_eq!(codes, [GRADE, WEIGHT, WEIGHT_CLASS]);
}

fn category_details(parent: Option<CategoryId>, text: &str) -> CategoryDetails {
    CategoryDetails {
        parent,
        slug: slug(text),
        name: words(text),
        description: Text::default(),
        image: None,
        position: 0,
    }
}

fn category_of(shop: &mut Harness, parent: Option<CategoryId>, text: &str) -> CategoryId {
    let details = category_details(parent, text);
    CategoryId::from_bits(shop.make(Command::CreateCategory { details }))
}

#[test]
fn a_moved_category_takes_what_is_below_it_along() {
    let mut shop = shop();
    let bats = category_of(&mut shop, None, "bats");
    let english = category_of(&mut shop, Some(bats), "english");
    let junior = category_of(&mut shop, Some(english), "junior");
    let willow = category_of(&mut shop, None, "willow");
    let place = |shop: &mut Harness, id, parent, text: &str| {
        shop.run(Command::UpdateCategory {
            category: id,
            expected: None,
            details: category_details(parent, text),
        })
    };
    place(&mut shop, english, Some(willow), "english");
    let view = shop.view();
    assert_eq!(category(&view, junior).unwrap().path, "willow/english/junior");
    let moved = category_by_path(&view, "bats/english/junior");
    assert_eq!(moved, Some(Found::Moved("willow/english/junior".to_owned())));
    let line: Vec<_> = category_line(&view, junior).into_iter().map(|c| c.details.slug.to_string()).collect();
    assert_eq!(line, ["willow", "english", "junior"]);
    let tree = category_tree(&view);
    let roots: Vec<_> = tree.iter().map(|node| (node.category.id, node.children.len())).collect();
    assert_eq!(roots.into_iter().collect::<BTreeMap<_, _>>(), BTreeMap::from([(bats, 0), (willow, 1)]));
    let reuse = Command::CreateCategory { details: category_details(Some(bats), "english") };
    let taken = Refusal::PathTaken { path: "bats/english".into(), category: english };
    assert_eq!(refused(&mut shop, reuse), taken);
}

#[test]
fn categories_form_a_tree_of_bounded_depth() {
    let mut shop = shop();
    let mut line = vec![category_of(&mut shop, None, "c0")];
    for depth in 1..CATEGORY_DEPTH_MAX {
        let parent = line.last().copied();
        line.push(category_of(&mut shop, parent, &format!("c{depth}")));
    }
    let too_deep = Refusal::TooDeep { depth_max: CATEGORY_DEPTH_MAX as u32 };
    let deeper = Command::CreateCategory { details: category_details(line.last().copied(), "deep") };
    assert_eq!(refused(&mut shop, deeper), too_deep);
    let into = |id, parent, text: &str| Command::UpdateCategory {
        category: id,
        expected: None,
        details: category_details(Some(parent), text),
    };
    assert_eq!(refused(&mut shop, into(line[0], line[3], "c0")), Refusal::CategoryInItself);
    assert_eq!(refused(&mut shop, into(line[0], line[0], "c0")), Refusal::CategoryInItself);
    let root = category_of(&mut shop, None, "root");
    assert_eq!(refused(&mut shop, into(line[0], root, "c0")), too_deep, "what is below counts too");
    let archive = |category| Command::ArchiveCategory { category, expected: None, archived: true };
    assert_eq!(refused(&mut shop, archive(line[0])), Refusal::CategoryHasChildren);
    shop.run(archive(root));
    assert_eq!(category_tree(&shop.view()).len(), 1);
}

#[test]
fn add_ons_are_offered_by_type_and_by_choice() {
    let mut shop = Harness::new();
    let mut range = Range::new(&mut shop);
    let knocking_in = range.add_on(&mut shop, 1_500);
    let oiling = range.add_on(&mut shop, 500);
    let product = plain(&mut shop, "bat");
    let offered = |shop: &Harness| {
        let found = super::product(&shop.view(), product).unwrap();
        add_ons_for(&shop.view(), &found).into_iter().map(|add_on| add_on.id).collect::<BTreeSet<_>>()
    };
    assert_eq!(offered(&shop), BTreeSet::from([knocking_in, oiling]));
    let details = ProductDetails { add_ons: Some(vec![oiling]), ..bat("bat") };
    shop.run(Command::UpdateProduct { product, expected: None, details });
    assert_eq!(offered(&shop), BTreeSet::from([oiling]));
    shop.run(Command::ArchiveAddOn { add_on: oiling, expected: None, archived: true });
    assert!(offered(&shop).is_empty());
    let unknown = AddOnDetails { product_types: vec![code("boat")], ..knocking(1) };
    let expected = Refusal::UnknownProductType { code: code("boat") };
    assert_eq!(refused(&mut shop, Command::CreateAddOn { details: unknown }), expected);
    let priceless = AddOnDetails { prices: BTreeMap::new(), ..knocking(1) };
    assert!(matches!(refused(&mut shop, Command::CreateAddOn { details: priceless }), Refusal::Invalid(_)));
}

#[test]
fn a_variant_takes_its_own_stock_unless_it_is_a_kit() {
    let mut shop = shop();
    let single = plain(&mut shop, "bat");
    let part = only_variant(&shop, single);
    let own = Variant::own_stock_item(part.id);
    assert_eq!(part.stock_components(), [StockComponent { item: own, per_unit: 1 }]);
    assert!(!part.is_kit());
    let components = vec![StockComponent { item: own, per_unit: 2 }];
    let details = VariantDetails { components, ..VariantDetails::new(sku("KIT")) };
    let product = make(&mut shop, bat("kit"), vec![details.clone()]);
    let kit = only_variant(&shop, product);
    assert!(kit.is_kit());
    assert_eq!(variant_of_stock_item(&shop.view(), kit.stock_components()[0].item), Some(part));
    for components in
        [vec![StockComponent { item: own, per_unit: 0 }], vec![StockComponent { item: own, per_unit: 1 }; 2]]
    {
        let details = VariantDetails { components, ..details.clone() };
        let update = Command::UpdateVariant { variant: kit.id, expected: None, details };
        assert!(matches!(refused(&mut shop, update), Refusal::Invalid(_)));
    }
}

#[test]
fn times_of_publishing_come_by_command() {
    let mut shop = shop();
    let product = plain(&mut shop, "bat");
    let (open, close) = (shop.at.plus_millis(100), shop.at.plus_millis(200));
    let schedule = |from, until| Command::SchedulePublication {
        product,
        expected: None,
        publish_at: from,
        unpublish_at: until,
    };
    assert!(matches!(refused(&mut shop, schedule(Some(close), Some(open))), Refusal::Invalid(_)));
    shop.run(schedule(Some(open), Some(close)));
    let status = |shop: &Harness| super::product(&shop.view(), product).unwrap().status;
    shop.run(Command::PublishDue { product });
    assert_eq!(status(&shop), ProductStatus::Draft, "too early");
    shop.pass(100);
    shop.run(Command::PublishDue { product });
    assert_eq!(status(&shop), ProductStatus::Active);
    shop.pass(100);
    shop.run(Command::PublishDue { product });
    assert_eq!(status(&shop), ProductStatus::Draft);
    shop.run(Command::PublishDue { product });
    assert_eq!(status(&shop), ProductStatus::Draft, "what is over does not begin again");
}

#[test]
fn a_planned_publication_is_run_by_the_scheduler() {
    let mut shop = shop();
    let product = plain(&mut shop, "bat");
    let (open, close) = (shop.at.plus_millis(100), shop.at.plus_millis(200));
    let schedule = |publish_at, unpublish_at| Command::SchedulePublication {
        product,
        expected: None,
        publish_at,
        unpublish_at,
    };
    let plan = |shop: &Harness| crate::scope::first_due(&shop.engine);
    shop.run(schedule(Some(open.plus_millis(1)), None));
    shop.run(schedule(Some(open), Some(close)));
    assert_eq!(plan(&shop), Some(open), "the earlier plan was taken back");
    let home = shop.tenant;
    let mut run_at = |millis: i64| {
        shop.pass(millis);
        shop.switch(crate::ids::TenantId::PLATFORM).run(Command::RunDue { limit: 10 });
        shop.switch(home);
        super::product(&shop.view(), product).unwrap().status
    };
    assert_eq!(run_at(99), ProductStatus::Draft);
    assert_eq!(run_at(1), ProductStatus::Active);
    assert_eq!(run_at(100), ProductStatus::Draft);
    assert_eq!(plan(&shop), None);
}

#[test]
fn pictures_are_records() {
    let mut shop = shop();
    let details = MediaDetails {
        hash: BlobHash::parse(&"0f".repeat(32)).unwrap(),
        kind: MediaKind::Image,
        width: 1_200,
        height: 800,
        alt: words("A bat"),
        focal: Some((500, 250)),
        placeholder: None,
    };
    let picture = MediaId::from_bits(shop.make(Command::AddMedia { details: details.clone() }));
    let list = ProductDetails { media: vec![picture], ..bat("bat") };
    let product = make(&mut shop, list.clone(), vec![VariantDetails::new(sku("BAT"))]);
    let found = super::product(&shop.view(), product).unwrap();
    assert_eq!(lead_media(&shop.view(), &found, None).unwrap().id, picture);
    let unknown = MediaId::from_bits(3);
    let details_with = ProductDetails { media: vec![unknown], ..list };
    let update = Command::UpdateProduct { product, expected: None, details: details_with };
    assert_eq!(refused(&mut shop, update), Refusal::UnknownMedia { media: unknown });
    let flat = MediaDetails { height: 0, ..details };
    assert!(matches!(refused(&mut shop, Command::AddMedia { details: flat }), Refusal::Invalid(_)));
    let alt = words("The same bat");
    let update = Command::UpdateMedia { media: picture, expected: Some(1), alt, focal: Some((1_001, 0)) };
    assert!(matches!(refused(&mut shop, update), Refusal::Invalid(_)));
}

#[test]
fn too_long_and_too_many_is_refused_by_field() {
    let mut shop = shop();
    let long = "x".repeat(DESCRIPTION_CHARS_MAX + 1);
    let check = |shop: &mut Harness, details: ProductDetails, field: &str, problem: Problem| {
        let make =
            Command::CreateProduct { details, variants: vec![VariantDetails::new(sku("S"))], publish: false };
        match refused(shop, make) {
            Refusal::Invalid(invalid) => {
                assert_eq!((invalid.field.as_str(), invalid.problem), (field, problem))
            }
            other => panic!("{other}"),
        }
    };
    let chars_max = DESCRIPTION_CHARS_MAX as u32;
    let details = ProductDetails { description: words(&long), ..bat("a") };
    check(&mut shop, details, "description", Problem::TooLong { chars_max });
    check(&mut shop, ProductDetails { name: Text::default(), ..bat("a") }, "name", Problem::Empty);
    check(&mut shop, ProductDetails { name: words("a\nb"), ..bat("a") }, "name", Problem::Control);
    let options = ["a", "b", "c", "d", "e", "f"].map(code).to_vec();
    let count_max = PRODUCT_OPTIONS_MAX as u32;
    check(&mut shop, ProductDetails { options, ..bat("a") }, "options", Problem::TooMany { count_max });
    let heavy = VariantDetails { shipping_weight_grams: 2_000_000, ..VariantDetails::new(sku("S")) };
    let make = Command::CreateProduct { details: bat("a"), variants: vec![heavy], publish: false };
    match refused(&mut shop, make) {
        Refusal::Invalid(invalid) => assert_eq!(invalid.field, "variants/0/shipping_weight_grams"),
        other => panic!("{other}"),
    }
    let unknown = ProductDetails { tax_category: code("luxury"), ..bat("a") };
    let make = Command::CreateProduct {
        details: unknown,
        variants: vec![VariantDetails::new(sku("S"))],
        publish: false,
    };
    assert_eq!(refused(&mut shop, make), Refusal::UnknownTaxCategory { code: code("luxury") });
    assert_eq!(product_count(&shop.view()), 0);
}

#[test]
fn another_tenant_sees_and_owns_nothing_of_it() {
    let mut shop = shop();
    let product = plain(&mut shop, "bat");
    shop.switch(crate::ids::TenantId::from_bits(0x99));
    assert_eq!(super::product(&shop.view(), product), None);
    let publish = Command::PublishProduct { product, expected: None };
    assert_eq!(refused(&mut shop, publish), Refusal::UnknownProduct { product });
    Range::new(&mut shop);
    plain(&mut shop, "bat");
    assert_eq!(product_count(&shop.view()), 1, "numbers and slugs are each tenant's own");
}

#[derive(Clone, Debug)]
enum Step {
    Create(usize),
    Rename(usize, usize),
    Archive(usize),
    Restore(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6usize).prop_map(Step::Create),
        (0..8usize, 0..6usize).prop_map(|(which, name)| Step::Rename(which, name)),
        (0..8usize).prop_map(Step::Archive),
        (0..8usize).prop_map(Step::Restore),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is tried, live SKUs are unique, the index finds exactly the live ones, and each used
    /// slug stays with its first owner.
    #[test]
    fn skus_and_slugs_stay_unique(steps in proptest::collection::vec(any_step(), 1..40)) {
        let mut shop = shop();
        let mut made: Vec<(ProductId, VariantId)> = Vec::new();
        let mut owners: BTreeMap<String, ProductId> = BTreeMap::new();
        let name = |n: usize| ["a", "b", "c", "D", "d", "A"][n];
        for step in steps {
            let at = |n: usize| made.get(n % made.len().max(1)).copied();
            match step {
                Step::Create(n) => {
                    let variants = vec![VariantDetails::new(sku(name(n)))];
                    let details = bat(&name(n).to_lowercase());
                    let make = Command::CreateProduct { details, variants, publish: false };
                    if let Ok(reply) = shop.try_run(make) {
                        let product = ProductId::from_bits(reply.id.unwrap());
                        prop_assert!(owners.insert(name(n).to_lowercase(), product).is_none());
                        made.push((product, variants_of(&shop.view(), product)[0].id));
                    }
                }
                Step::Rename(which, n) => if let Some((product, variant)) = at(which) {
                    let details = bat(&format!("{}-2", name(n).to_lowercase()));
                    if shop.try_run(Command::UpdateProduct { product, expected: None, details }).is_ok() {
                        let slug = format!("{}-2", name(n).to_lowercase());
                        prop_assert_eq!(*owners.entry(slug).or_insert(product), product);
                    }
                    let details = VariantDetails::new(sku(name(n)));
                    let _ = shop.try_run(Command::UpdateVariant { variant, expected: None, details });
                },
                Step::Archive(which) => if let Some((_, variant)) = at(which) {
                    let _ = shop.try_run(Command::ArchiveVariant { variant, expected: None });
                },
                Step::Restore(which) => if let Some((_, variant)) = at(which) {
                    let _ = shop.try_run(Command::RestoreVariant { variant, expected: None });
                },
            }
        }
        let view = shop.view();
        let mut live = BTreeMap::new();
        for (product, variant) in &made {
            let found = super::variant(&view, *variant).unwrap();
            let counts = variant_counts(&view, *product);
            prop_assert_eq!(counts, VariantCounts { all: 1, live: u32::from(!found.archived) });
            if !found.archived {
                prop_assert!(live.insert(found.details.sku.folded(), *variant).is_none(), "two live with one SKU");
            }
        }
        for n in 0..6 {
            let found = variant_by_sku(&view, &sku(name(n))).map(|variant| variant.id);
            prop_assert_eq!(found, live.get(&name(n).to_lowercase()).copied());
        }
        for (text, owner) in &owners {
            let found = match product_by_slug(&view, &slug(text)).unwrap() {
                Found::Here(product) => product.id,
                Found::Moved(to) => match product_by_slug(&view, &to) {
                    Some(Found::Here(product)) => product.id,
                    other => panic!("{text} leads to {other:?}"),
                },
            };
            prop_assert_eq!(found, *owner);
        }
    }
}
