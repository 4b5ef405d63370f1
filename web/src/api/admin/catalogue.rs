//! Categories and add-ons.

use super::merge::{base, patched};
use super::product_bodies::all;
use super::products::{made, own_locale};
use super::texts::Words;
use crate::api::body::text;
use crate::api::me::tagged;
use crate::extract::{Json, Path};
use crate::gate::Call;
use crate::problem::{Faults, Problem};
use crate::read::list_view;
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::catalog::{self, AddOn, AddOnDetails, AddOnKind, Category, CategoryDetails, Command};
use gearify_commerce::code::Code;
use gearify_commerce::command::GroupKind;
use gearify_commerce::{AddOnId, CategoryId, Currency, Locale, MediaId, Slug};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: categories and add-ons", Api, Shop;
        Get "/api/v1/admin/categories" list_categories: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(AdminCategoryList), "Every category, archived ones too";
        Post "/api/v1/admin/categories" create_category: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(CategoryBody), 201(AdminCategory), "Makes a category";
        Get "/api/v1/admin/categories/{id}" get_category: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(AdminCategory), "One category";
        Patch "/api/v1/admin/categories/{id}" change_category: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(CategoryBody), 200(AdminCategory), "Changes a category by merge patch; old addresses lead to it";
        Delete "/api/v1/admin/categories/{id}" archive_category: Staff(ProductsWrite), MERCHANT, Write, None, Accepted, Origin,
            query(), request(), 204(), "Archives a category";
        Get "/api/v1/admin/add-ons" list_add_ons: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(AdminAddOnList), "Every add-on, archived ones too";
        Post "/api/v1/admin/add-ons" create_add_on: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(AddOnBody), 201(AdminAddOn), "Makes an add-on";
        Get "/api/v1/admin/add-ons/{id}" get_add_on: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(AdminAddOn), "One add-on";
        Patch "/api/v1/admin/add-ons/{id}" change_add_on: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(AddOnBody), 200(AdminAddOn), "Changes an add-on by merge patch";
        Delete "/api/v1/admin/add-ons/{id}" archive_add_on: Staff(ProductsWrite), MERCHANT, Write, None, Accepted, Origin,
            query(), request(), 204(), "Archives an add-on; orders go on naming it";
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CategoryBody {
    pub parent_id: Option<String>,
    pub slug: String,
    pub name: Words,
    #[serde(default)]
    pub description: Words,
    /// Id of a picture.
    pub image: Option<String>,
    #[serde(default)]
    pub position: u32,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AdminCategory {
    pub id: String,
    pub revision: u64,
    pub path: String,
    pub archived: bool,
    pub category: CategoryBody,
}
list_view!(AdminCategoryList of AdminCategory);

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddOnBody {
    /// `knocking`, `oiling`, `toe_binding`, `anti_scuff`, `grip` or `other`.
    pub kind: String,
    pub name: Words,
    #[serde(default)]
    pub description: Words,
    /// Codes of the product types it is made for.
    pub product_types: Vec<String>,
    /// Minor units by currency.
    pub prices: BTreeMap<String, i64>,
    #[serde(default)]
    pub lead_days: u16,
    #[serde(default)]
    pub not_returnable: bool,
    #[serde(default = "standard")]
    pub tax_category: String,
    #[serde(default)]
    pub position: u32,
}

fn standard() -> String {
    "standard".into()
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AdminAddOn {
    pub id: String,
    pub revision: u64,
    pub archived: bool,
    pub add_on: AddOnBody,
}
list_view!(AdminAddOnList of AdminAddOn);

impl CategoryBody {
    fn of(details: &CategoryDetails) -> CategoryBody {
        CategoryBody {
            parent_id: details.parent.map(|id| id.to_string()),
            slug: details.slug.to_string(),
            name: Words::of(&details.name),
            description: Words::of(&details.description),
            image: details.image.map(|id| id.to_string()),
            position: details.position,
        }
    }

    fn parse(&self, default: &Locale) -> Result<CategoryDetails, Problem> {
        let mut faults = Faults::new();
        let parent = faults.optional("/parent_id", text(&self.parent_id), CategoryId::parse);
        let slug = faults.take("/slug", Slug::parse(&self.slug));
        let image = faults.optional("/image", text(&self.image), MediaId::parse);
        let name = self.name.parse("/name", default, &mut faults);
        let description = self.description.parse("/description", default, &mut faults);
        let slug = faults.finish(slug)?;
        Ok(CategoryDetails { parent, slug, name, description, image, position: self.position })
    }
}

impl AdminCategory {
    fn of(category: &Category) -> AdminCategory {
        AdminCategory {
            id: category.id.to_string(),
            revision: category.revision,
            path: category.path.clone(),
            archived: category.archived,
            category: CategoryBody::of(&category.details),
        }
    }
}

impl AddOnBody {
    fn of(details: &AddOnDetails) -> AddOnBody {
        AddOnBody {
            kind: details.kind.as_str().into(),
            name: Words::of(&details.name),
            description: Words::of(&details.description),
            product_types: details.product_types.iter().map(|code| code.to_string()).collect(),
            prices: details.prices.iter().map(|(currency, amount)| (currency.to_string(), *amount)).collect(),
            lead_days: details.lead_days,
            not_returnable: details.not_returnable,
            tax_category: details.tax_category.to_string(),
            position: details.position,
        }
    }

    fn parse(&self, default: &Locale) -> Result<AddOnDetails, Problem> {
        let mut faults = Faults::new();
        let kind = faults.take("/kind", AddOnKind::parse(&self.kind).ok_or("is not a kind of add-on"));
        let product_types = all(&mut faults, "/product_types", &self.product_types, Code::parse);
        let tax_category = faults.take("/tax_category", Code::parse(&self.tax_category));
        let mut prices = BTreeMap::new();
        for (currency, amount) in &self.prices {
            if let Some(currency) = faults.take(format!("/prices/{currency}"), Currency::parse(currency)) {
                prices.insert(currency, *amount);
            }
        }
        let name = self.name.parse("/name", default, &mut faults);
        let description = self.description.parse("/description", default, &mut faults);
        let (kind, tax_category) = faults.finish(kind.zip(tax_category))?;
        Ok(AddOnDetails {
            kind,
            name,
            description,
            product_types,
            prices,
            lead_days: self.lead_days,
            not_returnable: self.not_returnable,
            tax_category,
            position: self.position,
        })
    }
}

impl AdminAddOn {
    fn of(add_on: &AddOn) -> AdminAddOn {
        AdminAddOn {
            id: add_on.id.to_string(),
            revision: add_on.revision,
            archived: add_on.archived,
            add_on: AddOnBody::of(&add_on.details),
        }
    }
}

fn category(call: &Call, id: CategoryId) -> Result<Category, Problem> {
    let found = call.read(GroupKind::Catalogue, |view| catalog::category(view, id));
    found.ok_or_else(|| Problem::not_found("category"))
}

fn show_category(call: &Call, id: CategoryId, status: StatusCode) -> Result<Response, Problem> {
    let category = category(call, id)?;
    Ok(tagged(category.revision, (status, Json(AdminCategory::of(&category)))))
}

async fn list_categories(call: Call) -> Json<AdminCategoryList> {
    let all = call.read(GroupKind::Catalogue, |view| catalog::categories(view));
    Json(AdminCategoryList::whole(all.iter().map(AdminCategory::of).collect()))
}

async fn create_category(call: Call, Json(body): Json<CategoryBody>) -> Result<Response, Problem> {
    let details = body.parse(&own_locale(&call)?)?;
    let reply = call.submit(Command::CreateCategory { details }).await?;
    show_category(&call, made(&reply, CategoryId::from_bits)?, StatusCode::CREATED)
}

async fn get_category(call: Call, Path(id): Path<CategoryId>) -> Result<Response, Problem> {
    show_category(&call, id, StatusCode::OK)
}

async fn change_category(
    call: Call,
    Path(id): Path<CategoryId>,
    Json(patch): Json<Value>,
) -> Result<Response, Problem> {
    let before = category(&call, id)?;
    let body = patched(&CategoryBody::of(&before.details), patch)?;
    let expected = base(&call, before.revision)?;
    let details = body.parse(&own_locale(&call)?)?;
    call.submit(Command::UpdateCategory { category: id, expected, details }).await?;
    show_category(&call, id, StatusCode::OK)
}

async fn archive_category(call: Call, Path(id): Path<CategoryId>) -> Result<StatusCode, Problem> {
    category(&call, id)?;
    call.submit(Command::ArchiveCategory { category: id, expected: call.if_match(), archived: true }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn add_on(call: &Call, id: AddOnId) -> Result<AddOn, Problem> {
    let found = call.read(GroupKind::Catalogue, |view| catalog::add_on(view, id));
    found.ok_or_else(|| Problem::not_found("add-on"))
}

fn show_add_on(call: &Call, id: AddOnId, status: StatusCode) -> Result<Response, Problem> {
    let add_on = add_on(call, id)?;
    Ok(tagged(add_on.revision, (status, Json(AdminAddOn::of(&add_on)))))
}

async fn list_add_ons(call: Call) -> Json<AdminAddOnList> {
    let all = call.read(GroupKind::Catalogue, |view| catalog::add_ons(view));
    Json(AdminAddOnList::whole(all.iter().map(AdminAddOn::of).collect()))
}

async fn create_add_on(call: Call, Json(body): Json<AddOnBody>) -> Result<Response, Problem> {
    let details = body.parse(&own_locale(&call)?)?;
    let reply = call.submit(Command::CreateAddOn { details }).await?;
    show_add_on(&call, made(&reply, AddOnId::from_bits)?, StatusCode::CREATED)
}

async fn get_add_on(call: Call, Path(id): Path<AddOnId>) -> Result<Response, Problem> {
    show_add_on(&call, id, StatusCode::OK)
}

async fn change_add_on(
    call: Call,
    Path(id): Path<AddOnId>,
    Json(patch): Json<Value>,
) -> Result<Response, Problem> {
    let before = add_on(&call, id)?;
    let body = patched(&AddOnBody::of(&before.details), patch)?;
    let expected = base(&call, before.revision)?;
    let details = body.parse(&own_locale(&call)?)?;
    call.submit(Command::UpdateAddOn { add_on: id, expected, details }).await?;
    show_add_on(&call, id, StatusCode::OK)
}

async fn archive_add_on(call: Call, Path(id): Path<AddOnId>) -> Result<StatusCode, Problem> {
    add_on(&call, id)?;
    call.submit(Command::ArchiveAddOn { add_on: id, expected: call.if_match(), archived: true }).await?;
    Ok(StatusCode::NO_CONTENT)
}
