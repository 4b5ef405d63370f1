//! Products and variants, as those who edit them see them.

use super::merge::{base, patched};
use super::product_bodies::{ProductBody, VariantBody, parse_moment};
use crate::api::body::text;
use crate::api::me::{CURSOR, LIMIT, PAGE, page_request, tagged};
use crate::extract::{Asked, Json, Pairs, Parameter, Path, Query};
use crate::gate::Call;
use crate::ports_lists::{PageRequest, ProductQuery, ProductRow, ProductSort};
use crate::problem::{Faults, Problem};
use crate::read::{list_view, moment};
use crate::routes::{Route, routes};
use axum::response::{IntoResponse, Response};
use gearify_commerce::catalog::{self, Command, Product, ProductStatus, Variant, VariantDetails};
use gearify_commerce::command::GroupKind;
use gearify_commerce::{Locale, ProductId, ReadScope, VariantId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
