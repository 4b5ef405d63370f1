//! Products and variants, as those who edit them see them.

use super::merge::{base, patched};
use super::texts::{Attributes, Words, parse_attributes, write_attributes};
use crate::api::body::text;
use crate::api::me::{CURSOR, LIMIT, PAGE, page_request, tagged};
use crate::extract::{Asked, Json, Pairs, Parameter, Path, Query};
use crate::gate::Call;
use crate::ports_lists::{PageRequest, ProductQuery, ProductRow, ProductSort};
use crate::problem::{Faults, Problem};
use crate::read::{list_view, moment};
use crate::routes::{Route, routes};
use axum::response::{IntoResponse, Response};
use gearify_commerce::catalog::{
    self, Command, Gtin, HsCode, Policy, Product, ProductDetails, ProductStatus, Seo, SizeMm, Sku,
    StockComponent, Variant, VariantDetails,
};
use gearify_commerce::code::Code;
use gearify_commerce::command::GroupKind;
use gearify_commerce::{
    AddOnId, CategoryId, Country, Locale, MediaId, Name, ProductId, ReadScope, Slug, Timestamp, VariantId,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: products", Api, Shop;
        Get "/api/v1/admin/products" list_products: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(ProductsAsked), request(), 200(AdminProductList), "Products whatever their status";
        Post "/api/v1/admin/products" create_product: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(CreateProduct), 201(AdminProduct), "Makes a product with its first variants";
        Get "/api/v1/admin/products/{id}" get_product: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(AdminProduct), "A product in all languages, with its variants";
        Patch "/api/v1/admin/products/{id}" change_product: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(ProductBody), 200(AdminProduct), "Changes a product by merge patch";
        Delete "/api/v1/admin/products/{id}" archive_product: Staff(ProductsWrite), MERCHANT, Write, None, Accepted, Origin,
            query(), request(), 204(), "Archives a product; orders go on naming it";
        Post "/api/v1/admin/products/{id}/publish" publish_product: Staff(ProductsWrite), MERCHANT, Write, Empty, Accepted, Origin,
            query(), request(), 200(AdminProduct), "Puts a product on sale";
        Post "/api/v1/admin/products/{id}/unpublish" unpublish_product: Staff(ProductsWrite), MERCHANT, Write, Empty, Accepted, Origin,
            query(), request(), 200(AdminProduct), "Makes a product a draft again";
        Put "/api/v1/admin/products/{id}/publication" schedule_publication: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(Publication), 200(AdminProduct), "Says when a product goes on sale and off it";
        Post "/api/v1/admin/products/{id}/variants" create_variant: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(VariantBody), 201(AdminVariant), "Adds a variant";
        Get "/api/v1/admin/variants/{id}" get_variant: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(AdminVariant), "One variant";
        Patch "/api/v1/admin/variants/{id}" change_variant: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(VariantBody), 200(AdminVariant), "Changes a variant by merge patch";
        Delete "/api/v1/admin/variants/{id}" archive_variant: Staff(ProductsWrite), MERCHANT, Write, None, Accepted, Origin,
            query(), request(), 204(), "Archives a variant; its SKU is free again";
        Post "/api/v1/admin/variants/{id}/restore" restore_variant: Staff(ProductsWrite), MERCHANT, Write, Empty, Accepted, Origin,
            query(), request(), 200(AdminVariant), "Sells an archived variant again";
    }
}

/// What a merchant writes about a product.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductBody {
    pub slug: String,
    /// Code of the product type.
    pub product_type: String,
    pub name: Words,
    #[serde(default)]
    pub description: Words,
    #[serde(default)]
    pub seo_title: Words,
    #[serde(default)]
    pub seo_description: Words,
    pub brand: Option<String>,
    /// Ids; the first is the one of breadcrumbs.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Value by code.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub attributes: Attributes,
    /// Codes of the options a shopper chooses, in this order.
    #[serde(default)]
    pub options: Vec<String>,
    /// Absent: every add-on made for the product's type.
    pub add_ons: Option<Vec<String>>,
    /// Ids; the first is shown in lists.
    #[serde(default)]
    pub media: Vec<String>,
    #[serde(default = "standard")]
    pub tax_category: String,
}

fn standard() -> String {
    "standard".into()
}

/// What a merchant writes about a variant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantBody {
    pub sku: String,
    pub gtin: Option<String>,
    /// Value by option code.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub attributes: Attributes,
    #[serde(default)]
    pub shipping_weight_grams: u32,
    pub size_mm: Option<SizeBody>,
    pub hs_code: Option<String>,
    /// Country of origin.
    pub origin: Option<String>,
    #[serde(default)]
    pub media: Vec<String>,
    /// Absent: the product's.
    pub tax_category: Option<String>,
    /// Of a kit: its parts. Empty: the variant's own stock.
    #[serde(default)]
    pub components: Vec<ComponentBody>,
    /// `deny`, `backorder` or `preorder`.
    #[serde(default = "deny")]
    pub policy: String,
    /// When a preorder is delivered.
    pub available_at: Option<String>,
    #[serde(default)]
    pub position: u32,
}

fn deny() -> String {
    "deny".into()
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SizeBody {
    pub length: u32,
    pub width: u32,
    pub height: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentBody {
    pub variant_id: String,
    pub quantity: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProduct {
    pub product: ProductBody,
    pub variants: Vec<VariantBody>,
    #[serde(default)]
    pub publish: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    pub publish_at: Option<String>,
    pub unpublish_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct AdminProduct {
    pub id: String,
    pub revision: u64,
    /// `draft`, `active` or `archived`.
    pub status: &'static str,
    pub publish_at: Option<String>,
    pub unpublish_at: Option<String>,
    pub published_at: Option<String>,
    pub created_at: String,
    pub updated_at: String,
    pub product: ProductBody,
    pub variants: Vec<AdminVariant>,
}

#[derive(Serialize, ToSchema)]
pub struct AdminVariant {
    pub id: String,
    pub product_id: String,
    /// What is counted in warehouses.
    pub stock_item_id: String,
    pub revision: u64,
    pub archived: bool,
    pub created_at: String,
    pub updated_at: String,
    pub variant: VariantBody,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AdminProductSummary {
    pub id: String,
    pub status: &'static str,
    pub name: String,
    pub slug: String,
    pub variant_count: u32,
    pub updated_at: String,
}
list_view!(AdminProductList of AdminProductSummary);

#[derive(Clone, Debug)]
pub struct ProductsAsked {
    text: Option<String>,
    status: Vec<ProductStatus>,
    sort: ProductSort,
    page: PageRequest,
}

impl Asked for ProductsAsked {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::new("q", "string", "Words of a name, or the beginning of a SKU."),
        Parameter::new("status", "string", "draft, active or archived."),
        Parameter::new("sort", "string", "updated, name or newest."),
        LIMIT,
        CURSOR,
        PAGE,
    ];

    fn read(pairs: &mut Pairs) -> ProductsAsked {
        ProductsAsked {
            text: pairs.text("q"),
            status: pairs.with("status", parse_status).into_iter().collect(),
            sort: pairs.with("sort", parse_sort).unwrap_or_default(),
            page: page_request(pairs),
        }
    }
}

fn parse_status(text: &str) -> Result<ProductStatus, &'static str> {
    Ok(match text {
        "draft" => ProductStatus::Draft,
        "active" => ProductStatus::Active,
        "archived" => ProductStatus::Archived,
        _ => return Err("must be draft, active or archived"),
    })
}

fn parse_sort(text: &str) -> Result<ProductSort, &'static str> {
    Ok(match text {
        "updated" => ProductSort::Updated,
        "name" => ProductSort::Name,
        "newest" => ProductSort::Newest,
        _ => return Err("must be updated, name or newest"),
    })
}

impl From<ProductRow> for AdminProductSummary {
    fn from(row: ProductRow) -> AdminProductSummary {
        AdminProductSummary {
            id: row.id.to_string(),
            status: row.status.as_str(),
            name: row.name,
            slug: row.slug,
            variant_count: row.variants,
            updated_at: moment(row.updated_at),
        }
    }
}

impl ProductBody {
    pub fn of(view: &ReadScope<'_>, details: &ProductDetails) -> ProductBody {
        let ids = |ids: &[MediaId]| ids.iter().map(|id| id.to_string()).collect();
        ProductBody {
            slug: details.slug.to_string(),
            product_type: details.product_type.to_string(),
            name: Words::of(&details.name),
            description: Words::of(&details.description),
            seo_title: Words::of(&details.seo.title),
            seo_description: Words::of(&details.seo.description),
            brand: details.brand.as_ref().map(|brand| brand.to_string()),
            categories: details.categories.iter().map(|id| id.to_string()).collect(),
            attributes: write_attributes(view, &details.attributes),
            options: details.options.iter().map(|code| code.to_string()).collect(),
            add_ons: details.add_ons.as_ref().map(|chosen| chosen.iter().map(|id| id.to_string()).collect()),
            media: ids(&details.media),
            tax_category: details.tax_category.to_string(),
        }
    }

    pub fn parse(
        &self,
        view: &ReadScope<'_>,
        at: &str,
        default: &Locale,
        faults: &mut Faults,
    ) -> Option<ProductDetails> {
        let place = |field: &str| format!("{at}/{field}");
        let slug = faults.take(place("slug"), Slug::parse(&self.slug));
        let product_type = faults.take(place("product_type"), Code::parse(&self.product_type));
        let tax_category = faults.take(place("tax_category"), Code::parse(&self.tax_category));
        let brand = faults.optional(place("brand"), text(&self.brand), Name::parse);
        let categories = all(faults, &place("categories"), &self.categories, CategoryId::parse);
        let media = all(faults, &place("media"), &self.media, MediaId::parse);
        let options = all(faults, &place("options"), &self.options, Code::parse);
        let add_ons =
            self.add_ons.as_ref().map(|chosen| all(faults, &place("add_ons"), chosen, AddOnId::parse));
        let attributes = parse_attributes(view, &place("attributes"), &self.attributes, default, faults);
        let mut words = |field: &str, words: &Words| words.parse(&place(field), default, faults);
        let name = words("name", &self.name);
        let description = words("description", &self.description);
        let seo = Seo {
            title: words("seo_title", &self.seo_title),
            description: words("seo_description", &self.seo_description),
        };
        Some(ProductDetails {
            slug: slug?,
            product_type: product_type?,
            name,
            description,
            seo,
            brand,
            categories,
            attributes,
            options,
            add_ons,
            media,
            tax_category: tax_category?,
        })
    }
}

/// Parses every entry of a list, noting each that is wrong.
pub fn all<T, E: std::fmt::Display>(
    faults: &mut Faults,
    at: &str,
    entries: &[String],
    parse: impl Fn(&str) -> Result<T, E>,
) -> Vec<T> {
    let entries = entries.iter().enumerate();
    entries.filter_map(|(n, entry)| faults.take(format!("{at}/{n}"), parse(entry))).collect()
}

/// A moment as RFC 3339 writes it.
pub fn parse_moment(text: &str) -> Result<Timestamp, &'static str> {
    let at: jiff::Timestamp =
        text.trim().parse().map_err(|_| "must be a time such as 2026-04-01T09:00:00Z")?;
    Ok(Timestamp::from_millis(at.as_millisecond()))
}

impl VariantBody {
    pub fn of(view: &ReadScope<'_>, details: &VariantDetails) -> VariantBody {
        let (policy, available_at) = match details.policy {
            Policy::Deny => ("deny", None),
            Policy::Backorder => ("backorder", None),
            Policy::Preorder { available_at } => ("preorder", Some(moment(available_at))),
        };
        VariantBody {
            sku: details.sku.to_string(),
            gtin: details.gtin.as_ref().map(|gtin| gtin.to_string()),
            options: details
                .options
                .iter()
                .map(|(option, value)| (option.to_string(), value.to_string()))
                .collect(),
            attributes: write_attributes(view, &details.attributes),
            shipping_weight_grams: details.shipping_weight_grams,
            size_mm: details.size_mm.map(|SizeMm { length, width, height }| SizeBody {
                length,
                width,
                height,
            }),
            hs_code: details.hs_code.as_ref().map(|code| code.to_string()),
            origin: details.origin.as_ref().map(|country| country.to_string()),
            media: details.media.iter().map(|id| id.to_string()).collect(),
            tax_category: details.tax_category.as_ref().map(|code| code.to_string()),
            components: details
                .components
                .iter()
                .map(|part| ComponentBody {
                    variant_id: VariantId::from_bits(part.item.bits()).to_string(),
                    quantity: part.per_unit,
                })
                .collect(),
            policy: policy.into(),
            available_at,
            position: details.position,
        }
    }

    pub fn parse(
        &self,
        view: &ReadScope<'_>,
        at: &str,
        default: &Locale,
        faults: &mut Faults,
    ) -> Option<VariantDetails> {
        let place = |field: &str| format!("{at}/{field}");
        let sku = faults.take(place("sku"), Sku::parse(&self.sku));
        let gtin = faults.optional(place("gtin"), text(&self.gtin), Gtin::parse);
        let hs_code = faults.optional(place("hs_code"), text(&self.hs_code), HsCode::parse);
        let origin = faults.optional(place("origin"), text(&self.origin), Country::parse);
        let tax_category = faults.optional(place("tax_category"), text(&self.tax_category), Code::parse);
        let media = all(faults, &place("media"), &self.media, MediaId::parse);
        let mut options = BTreeMap::new();
        for (option, value) in &self.options {
            let here = format!("{at}/options/{option}");
            let pair =
                (faults.take(here.clone(), Code::parse(option)), faults.take(here, Code::parse(value)));
            if let (Some(option), Some(value)) = pair {
                options.insert(option, value);
            }
        }
        let mut components = Vec::new();
        for (n, part) in self.components.iter().enumerate() {
            let here = format!("{at}/components/{n}/variant_id");
            let Some(id) = faults.take(here.clone(), VariantId::parse(&part.variant_id)) else { continue };
            let known = catalog::variant(view, id).ok_or("is not a variant of this shop");
            if faults.take(here, known).is_some() {
                components
                    .push(StockComponent { item: Variant::own_stock_item(id), per_unit: part.quantity });
            }
        }
        let attributes = parse_attributes(view, &place("attributes"), &self.attributes, default, faults);
        let policy = self.parse_policy(at, faults);
        Some(VariantDetails {
            sku: sku?,
            gtin,
            options,
            attributes,
            shipping_weight_grams: self.shipping_weight_grams,
            size_mm: self.size_mm.map(|SizeBody { length, width, height }| SizeMm { length, width, height }),
            hs_code,
            origin,
            media,
            tax_category,
            components,
            policy: policy?,
            position: self.position,
        })
    }

    fn parse_policy(&self, at: &str, faults: &mut Faults) -> Option<Policy> {
        match self.policy.as_str() {
            "deny" => Some(Policy::Deny),
            "backorder" => Some(Policy::Backorder),
            "preorder" => {
                let place = format!("{at}/available_at");
                let Some(at) = text(&self.available_at) else {
                    faults.add(place, "is required for a preorder");
                    return None;
                };
                faults.take(place, parse_moment(at)).map(|available_at| Policy::Preorder { available_at })
            }
            _ => {
                faults.add(format!("{at}/policy"), "must be deny, backorder or preorder");
                None
            }
        }
    }
}

/// The language in which a text without one is taken.
pub fn own_locale(call: &Call) -> Result<Locale, Problem> {
    Ok(call.shop()?.settings().locale.clone())
}

fn record(call: &Call, id: ProductId) -> Result<Product, Problem> {
    let found = call.read(GroupKind::Catalogue, |view| catalog::product(view, id));
    found.ok_or_else(|| Problem::not_found("product"))
}

fn variant_record(call: &Call, id: VariantId) -> Result<Variant, Problem> {
    let found = call.read(GroupKind::Catalogue, |view| catalog::variant(view, id));
    found.ok_or_else(|| Problem::not_found("variant"))
}

fn view_variant(view: &ReadScope<'_>, variant: &Variant) -> AdminVariant {
    AdminVariant {
        id: variant.id.to_string(),
        product_id: variant.product.to_string(),
        stock_item_id: Variant::own_stock_item(variant.id).to_string(),
        revision: variant.revision,
        archived: variant.archived,
        created_at: moment(variant.created_at),
        updated_at: moment(variant.updated_at),
        variant: VariantBody::of(view, &variant.details),
    }
}

fn show(call: &Call, id: ProductId, status: StatusCode) -> Result<Response, Problem> {
    let product = record(call, id)?;
    let view = call.read(GroupKind::Catalogue, |view| AdminProduct {
        id: product.id.to_string(),
        revision: product.revision,
        status: product.status.as_str(),
        publish_at: product.publish_at.map(moment),
        unpublish_at: product.unpublish_at.map(moment),
        published_at: product.published_at.map(moment),
        created_at: moment(product.created_at),
        updated_at: moment(product.updated_at),
        product: ProductBody::of(view, &product.details),
        variants: catalog::variants_of(view, id).iter().map(|variant| view_variant(view, variant)).collect(),
    });
    Ok(tagged(product.revision, (status, Json(view))))
}

fn show_variant(call: &Call, id: VariantId, status: StatusCode) -> Result<Response, Problem> {
    let variant = variant_record(call, id)?;
    let view = call.read(GroupKind::Catalogue, |view| view_variant(view, &variant));
    Ok(tagged(variant.revision, (status, Json(view))))
}

/// The id of what a command made.
pub fn made<T>(reply: &gearify_commerce::Reply, of: impl Fn(u128) -> T) -> Result<T, Problem> {
    reply.id.map(of).ok_or_else(|| Problem::internal("the reply names nothing"))
}

async fn list_products(
    call: Call,
    Query(asked): Query<ProductsAsked>,
) -> Result<Json<AdminProductList>, Problem> {
    let ProductsAsked { text, status, sort, page } = asked;
    let query = ProductQuery { text, status, sort, page, ..ProductQuery::default() };
    let page = call.state().lists.products(call.shop()?.id(), query).await?;
    Ok(Json(AdminProductList::page(page, AdminProductSummary::from)))
}

async fn create_product(call: Call, Json(body): Json<CreateProduct>) -> Result<Response, Problem> {
    let default = own_locale(&call)?;
    let mut faults = Faults::new();
    let (details, variants) = call.read(GroupKind::Catalogue, |view| {
        let details = body.product.parse(view, "/product", &default, &mut faults);
        let variants = body.variants.iter().enumerate();
        let variants: Vec<VariantDetails> = variants
            .filter_map(|(n, variant)| variant.parse(view, &format!("/variants/{n}"), &default, &mut faults))
            .collect();
        (details, variants)
    });
    let details = faults.finish(details)?;
    let reply = call.submit(Command::CreateProduct { details, variants, publish: body.publish }).await?;
    show(&call, made(&reply, ProductId::from_bits)?, StatusCode::CREATED)
}

async fn get_product(call: Call, Path(id): Path<ProductId>) -> Result<Response, Problem> {
    show(&call, id, StatusCode::OK)
}

async fn change_product(
    call: Call,
    Path(id): Path<ProductId>,
    Json(patch): Json<Value>,
) -> Result<Response, Problem> {
    let product = record(&call, id)?;
    let default = own_locale(&call)?;
    let body =
        patched(&call.read(GroupKind::Catalogue, |view| ProductBody::of(view, &product.details)), patch)?;
    let expected = base(&call, product.revision)?;
    let mut faults = Faults::new();
    let details = call.read(GroupKind::Catalogue, |view| body.parse(view, "", &default, &mut faults));
    let details = faults.finish(details)?;
    call.submit(Command::UpdateProduct { product: id, expected, details }).await?;
    show(&call, id, StatusCode::OK)
}

async fn archive_product(call: Call, Path(id): Path<ProductId>) -> Result<StatusCode, Problem> {
    record(&call, id)?;
    call.submit(Command::ArchiveProduct { product: id, expected: call.if_match() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn publish_product(call: Call, Path(id): Path<ProductId>) -> Result<Response, Problem> {
    record(&call, id)?;
    call.submit(Command::PublishProduct { product: id, expected: call.if_match() }).await?;
    show(&call, id, StatusCode::OK)
}

async fn unpublish_product(call: Call, Path(id): Path<ProductId>) -> Result<Response, Problem> {
    record(&call, id)?;
    call.submit(Command::UnpublishProduct { product: id, expected: call.if_match() }).await?;
    show(&call, id, StatusCode::OK)
}

async fn schedule_publication(
    call: Call,
    Path(id): Path<ProductId>,
    Json(body): Json<Publication>,
) -> Result<Response, Problem> {
    let mut faults = Faults::new();
    let publish_at = faults.optional("/publish_at", text(&body.publish_at), parse_moment);
    let unpublish_at = faults.optional("/unpublish_at", text(&body.unpublish_at), parse_moment);
    faults.check()?;
    record(&call, id)?;
    let expected = call.if_match();
    call.submit(Command::SchedulePublication { product: id, expected, publish_at, unpublish_at }).await?;
    show(&call, id, StatusCode::OK)
}

async fn create_variant(
    call: Call,
    Path(id): Path<ProductId>,
    Json(body): Json<VariantBody>,
) -> Result<Response, Problem> {
    record(&call, id)?;
    let default = own_locale(&call)?;
    let mut faults = Faults::new();
    let details = call.read(GroupKind::Catalogue, |view| body.parse(view, "", &default, &mut faults));
    let details = faults.finish(details)?;
    let reply = call.submit(Command::CreateVariant { product: id, details }).await?;
    show_variant(&call, made(&reply, VariantId::from_bits)?, StatusCode::CREATED)
}

async fn get_variant(call: Call, Path(id): Path<VariantId>) -> Result<Response, Problem> {
    show_variant(&call, id, StatusCode::OK)
}

async fn change_variant(
    call: Call,
    Path(id): Path<VariantId>,
    Json(patch): Json<Value>,
) -> Result<Response, Problem> {
    let variant = variant_record(&call, id)?;
    let default = own_locale(&call)?;
    let body =
        patched(&call.read(GroupKind::Catalogue, |view| VariantBody::of(view, &variant.details)), patch)?;
    let expected = base(&call, variant.revision)?;
    let mut faults = Faults::new();
    let details = call.read(GroupKind::Catalogue, |view| body.parse(view, "", &default, &mut faults));
    let details = faults.finish(details)?;
    call.submit(Command::UpdateVariant { variant: id, expected, details }).await?;
    show_variant(&call, id, StatusCode::OK)
}

async fn archive_variant(call: Call, Path(id): Path<VariantId>) -> Result<Response, Problem> {
    variant_record(&call, id)?;
    call.submit(Command::ArchiveVariant { variant: id, expected: call.if_match() }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn restore_variant(call: Call, Path(id): Path<VariantId>) -> Result<Response, Problem> {
    variant_record(&call, id)?;
    call.submit(Command::RestoreVariant { variant: id, expected: call.if_match() }).await?;
    show_variant(&call, id, StatusCode::OK)
}
