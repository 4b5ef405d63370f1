//! What a merchant writes about a product, as a form and back.

use super::attributes;
use crate::console::range::in_tree_order;
use crate::console::typed::Typed;
use crate::console::view::form::{Choice, Section};
use crate::console::view::{Field, FieldKind, Form};
use crate::console::visit::settings;
use crate::console::wrong::{Check, Wrong};
use crate::gate::Call;
use crate::problem::Problem;
use gearify_commerce::catalog::{self, AddOn, Attribute, Category, Level, OptionType, ProductDetails, Seo};
use gearify_commerce::command::GroupKind;
use gearify_commerce::tax::{self, TaxCategory};
use gearify_commerce::tenants::Settings;
use gearify_commerce::{AddOnId, CategoryId, Code, Name, Slug};

/// What the form offers.
pub struct Offer {
    pub settings: Settings,
    pub categories: Vec<Category>,
    pub options: Vec<OptionType>,
    pub add_ons: Vec<AddOn>,
    pub tax_categories: Vec<TaxCategory>,
    /// Of the product's type.
    pub attributes: Vec<Attribute>,
}

impl Offer {
    pub fn read(call: &Call, product_type: &Code) -> Result<Offer, Problem> {
        let settings = settings(call)?.clone();
        Ok(call.read(GroupKind::Catalogue, |view| {
            let mut categories = Vec::new();
            in_tree_order(catalog::category_tree(view), &mut categories);
            // What hangs under an archived one is in no tree, yet products may be in it.
            let mut others = catalog::categories(view);
            others.retain(|other| !other.archived && categories.iter().all(|known| known.id != other.id));
            categories.extend(others);
            Offer {
                categories,
                options: catalog::option_types(view),
                add_ons: catalog::add_ons_for_type(view, product_type),
                tax_categories: tax::categories(view),
                attributes: attributes::of_type(view, product_type, Level::Product),
                settings,
            }
        }))
    }
}

/// A record as typed fields.
pub fn write(details: &ProductDetails, offer: &Offer) -> Typed {
    let mut typed = Typed::default();
    for locale in offer.settings.locales() {
        let exact = |text: &gearify_commerce::Text| {
            text.iter()
                .find(|(known, _)| *known == locale)
                .map_or(String::new(), |(_, words)| words.to_owned())
        };
        typed.set(format!("name.{locale}"), exact(&details.name));
        typed.set(format!("description.{locale}"), exact(&details.description));
        typed.set(format!("seo_title.{locale}"), exact(&details.seo.title));
        typed.set(format!("seo_description.{locale}"), exact(&details.seo.description));
    }
    typed.set("slug", &details.slug);
    typed.set("product_type", &details.product_type);
    typed.set("brand", details.brand.as_ref().map_or("", Name::as_str));
    details.categories.iter().for_each(|id| typed.add("categories", id));
    details.options.iter().for_each(|code| typed.add("options", code));
    typed.set("tax_category", &details.tax_category);
    typed.set("add_ons_from", if details.add_ons.is_some() { "chosen" } else { "type" });
    details.add_ons.iter().flatten().for_each(|id| typed.add("add_ons", id));
    attributes::write(&mut typed, &offer.attributes, &details.attributes, &offer.settings.locale);
    typed
}

/// Reads the fields; what they don't show is taken from `before`.
pub fn read(typed: &Typed, offer: &Offer, before: Option<&ProductDetails>) -> Result<ProductDetails, Wrong> {
    let mut check = Check::new(typed);
    let locales = || offer.settings.locales();
    let default = &offer.settings.locale;
    let name = check.words("name", locales(), before.map(|before| &before.name));
    if name.is_empty() {
        check.fault(format!("name.{default}"), "Give it a name");
    }
    let slug = match typed.trimmed("slug") {
        "" => match Slug::from_name(name.words(default, default)) {
            Some(slug) => Some(slug),
            None => {
                check.fault("slug", "Write an address of a-z, 0-9 and hyphens");
                None
            }
        },
        _ => check.value("slug", Slug::parse),
    };
    let product_type = check.value("product_type", Code::parse);
    let brand = check.optional("brand", Name::parse);
    let categories = ids(&mut check, "categories", CategoryId::parse);
    let options = ids(&mut check, "options", Code::parse);
    let tax_category = check.value("tax_category", Code::parse);
    let chosen = ids(&mut check, "add_ons", AddOnId::parse);
    let add_ons = (typed.get("add_ons_from") == "chosen").then_some(chosen);
    let nothing = std::collections::BTreeMap::new();
    let old_values = before.map_or(&nothing, |before| &before.attributes);
    let attributes = attributes::read(&mut check, &offer.attributes, old_values, default);
    let seo = Seo {
        title: check.words("seo_title", locales(), before.map(|before| &before.seo.title)),
        description: check.words("seo_description", locales(), before.map(|before| &before.seo.description)),
    };
    let description = check.words("description", locales(), before.map(|before| &before.description));
    let media = before.map_or(Vec::new(), |before| before.media.clone());
    let details = (|| {
        Some(ProductDetails {
            slug: slug?,
            product_type: product_type?,
            name,
            description,
            seo,
            brand: brand?,
            categories: in_order_of(before.map(|before| before.categories.as_slice()), categories),
            attributes,
            options: in_order_of(before.map(|before| before.options.as_slice()), options),
            add_ons,
            media,
            tax_category: tax_category?,
        })
    })();
    check.done(details)
}

fn ids<T, E: std::fmt::Display>(
    check: &mut Check<'_>,
    name: &str,
    parse: fn(&str) -> Result<T, E>,
) -> Vec<T> {
    let mut found = Vec::new();
    for text in check.typed().all(name).iter().filter(|text| !text.is_empty()) {
        match parse(text) {
            Ok(value) => found.push(value),
            Err(error) => check.fault(name, error),
        }
    }
    found
}

/// Boxes come in the form's order; what was there keeps its own, since the first category is that of
/// breadcrumbs and options are chosen in their order.
fn in_order_of<T: PartialEq + Clone>(before: Option<&[T]>, chosen: Vec<T>) -> Vec<T> {
    let before = before.unwrap_or_default();
    let kept = before.iter().filter(|value| chosen.contains(value)).cloned();
    let new = chosen.iter().filter(|value| !before.contains(value)).cloned();
    kept.chain(new).collect()
}

/// Sections of the form, before they are filled. Options can't change while a product has variants.
pub fn sections(offer: &Offer, may_change_options: bool) -> Vec<Section> {
    let default = &offer.settings.locale;
    let several = !offer.settings.further_locales.is_empty();
    let mut words = Vec::new();
    for locale in offer.settings.locales() {
        let tag = if several { format!(" ({locale})") } else { String::new() };
        let name = Field::text(format!("name.{locale}"), format!("Name{tag}"));
        let is_default = locale == default;
        words.push(if is_default { name } else { name.optional() });
        words.push(
            Field::area(
                format!("description.{locale}"),
                format!("Description{tag}"),
                if is_default { 7 } else { 4 },
            )
            .optional()
            .hint(if is_default { "Markdown: **bold**, lists with -, links." } else { "" }),
        );
    }
    let category = |category: &Category| {
        let depth = category.path.matches('/').count();
        let name = category.details.name.words(default, default);
        Choice::new(category.id, format!("{}{name}", "– ".repeat(depth)))
    };
    let tax = |category: &TaxCategory| Choice::new(&category.code, category.name.as_str());
    let mut shelf = vec![
        Field::text("brand", "Brand").optional().half(),
        Field::select("tax_category", "Tax category", offer.tax_categories.iter().map(tax).collect()).half(),
    ];
    let categories: Vec<Choice> = offer.categories.iter().map(category).collect();
    if !categories.is_empty() {
        shelf.push(Field::new(FieldKind::Ticks(categories), "categories", "Categories").optional());
    }
    if may_change_options {
        let option = |option: &OptionType| {
            Choice::new(&option.details.code, option.details.name.words(default, default))
        };
        let options: Vec<Choice> = offer.options.iter().map(option).collect();
        if !options.is_empty() {
            shelf
                .push(Field::new(FieldKind::Ticks(options), "options", "Options shoppers choose").optional());
        }
    }
    let mut sections = vec![Section::new("What it is", words), Section::new("Where it stands", shelf)];
    if !offer.attributes.is_empty() {
        sections.push(Section::new("Specification", attributes::fields(&offer.attributes, default)));
    }
    if !offer.add_ons.is_empty() {
        sections.push(add_on_section(offer));
    }
    let mut found = vec![Field::text("slug", "Address").optional().hint(
        "The part after /p/. Empty: made from the name. After a change the old address leads to the new one.",
    )];
    for locale in offer.settings.locales() {
        let tag = if several { format!(" ({locale})") } else { String::new() };
        found.push(Field::text(format!("seo_title.{locale}"), format!("Title{tag}")).optional());
        found.push(
            Field::area(format!("seo_description.{locale}"), format!("Description{tag}"), 2).optional(),
        );
    }
    sections.push(
        Section::new("How it is found", found).hint("Empty fields take name and description.").folded(),
    );
    sections
}

fn add_on_section(offer: &Offer) -> Section {
    let default = &offer.settings.locale;
    let from = vec![
        Choice::new("type", "Everything made for its type"),
        Choice::new("chosen", "Only what is ticked here"),
    ];
    let choice = |add_on: &AddOn| Choice::new(add_on.id, add_on.details.name.words(default, default));
    let fields = vec![
        Field::new(FieldKind::Radio(from), "add_ons_from", "Offered with it"),
        Field::new(FieldKind::Ticks(offer.add_ons.iter().map(choice).collect()), "add_ons", "Add-ons")
            .optional(),
    ];
    Section::new("Add-ons", fields)
}

/// Which field a refusal's pointer is about.
pub fn field_of(pointer: &str, offer: &Offer) -> Option<String> {
    let default = &offer.settings.locale;
    match pointer {
        "name" => Some(format!("name.{default}")),
        "description" => Some(format!("description.{default}")),
        "seo/title" => Some(format!("seo_title.{default}")),
        "seo/description" => Some(format!("seo_description.{default}")),
        "slug" | "brand" | "categories" | "options" | "tax_category" | "add_ons" | "product_type" => {
            Some(pointer.to_owned())
        }
        _ => pointer.strip_prefix("attributes/").map(|code| format!("attr.{code}")),
    }
}

/// The form of an existing product.
pub fn form(path: &str, revision: u64, offer: &Offer, may_change_options: bool, product_type: &Code) -> Form {
    let mut form = Form::post("product", path)
        .guarded()
        .hidden("expected", revision)
        .hidden("product_type", product_type);
    form.sections = sections(offer, may_change_options);
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticked_boxes_keep_the_order_they_had() {
        assert_eq!(in_order_of(Some(&['c', 'a', 'x']), vec!['a', 'b', 'c']), ['c', 'a', 'b']);
        assert_eq!(in_order_of(None, vec!['b', 'a']), ['b', 'a']);
    }
}
