//! The tree of categories.

use super::products::Market;
use super::values::{ImageView, image_view};
use gearify_commerce::catalog::{self, CategoryNode};
use gearify_commerce::scope::View;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CategoryView {
    pub id: String,
    pub slug: String,
    /// Slugs from the root: `bats/english-willow`.
    pub path: String,
    pub name: String,
    pub description: String,
    pub image: Option<ImageView>,
    #[schema(no_recursion)]
    pub children: Vec<CategoryView>,
}

pub fn tree(catalogue: &(impl View + ?Sized), market: &Market) -> Vec<CategoryView> {
    catalog::category_tree(catalogue).into_iter().map(|node| view(catalogue, market, node)).collect()
}

fn view(catalogue: &(impl View + ?Sized), market: &Market, node: CategoryNode) -> CategoryView {
    let CategoryNode { category, children } = node;
    let details = &category.details;
    let image = details.image.and_then(|id| catalog::media(catalogue, id));
    CategoryView {
        id: category.id.to_string(),
        slug: details.slug.to_string(),
        path: category.path.clone(),
        name: details.name.words(&market.locale, &market.default_locale).to_owned(),
        description: details.description.words(&market.locale, &market.default_locale).to_owned(),
        image: image.map(|media| image_view(&media, &market.locale, &market.default_locale)),
        children: children.into_iter().map(|child| self::view(catalogue, market, child)).collect(),
    }
}
