//! Products: the list, making and editing them, their variants, prices and pictures.
//!
//! A form holds the whole of what a merchant writes about a thing: the record is turned into typed
//! fields, edited, and read back. Reading back what was not edited gives the same record.

pub mod ask;
pub mod attributes;
mod create;
mod details;
mod edit;
mod list;
mod many;
mod pictures;
pub mod prices;
mod reprice;
mod status;
mod variant;
mod variant_page;

use crate::gate::Call;
use crate::problem::Problem;
use crate::routes::{Route, routes};
use create::{create_product_form, new_product_page};
use edit::{edit_product_page, update_product_form};
use gearify_commerce::catalog::{self, Product, Variant};
use gearify_commerce::command::GroupKind;
use gearify_commerce::{Locale, ProductId, VariantId};
pub use list::find;
use list::{export_products, list_products_page};
use many::change_many_form;
use pictures::{arrange_pictures_form, upload_pictures_form};
use status::{change_status_form, duplicate_form};
use variant_page::{
    change_variant_status_form, create_variant_form, new_variant_page, update_variant_form, variant_page,
};

pub fn routes() -> Vec<Route> {
    routes! { "Console: products", Console, Shop;
        Get "/console/products" list_products_page: Staff(ProductsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Products, found and filtered";
        Post "/console/products/many" change_many_form: Staff(ProductsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Publishes, takes off, archives or prices the ticked products, or all that match";
        Get "/console/products/export" export_products: Staff(ProductsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "The products of the list, as CSV";
        Get "/console/products/new" new_product_page: Staff(ProductsWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "A form for a new product";
        Post "/console/products" create_product_form: Staff(ProductsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Makes a product with its first variants";
        Get "/console/products/{id}" edit_product_page: Staff(ProductsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One product with its variants and pictures";
        Post "/console/products/{id}" update_product_form: Staff(ProductsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Saves what is said about a product";
        Post "/console/products/{id}/status" change_status_form: Staff(ProductsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Publishes, takes off, archives or plans a product";
        Post "/console/products/{id}/duplicate" duplicate_form: Staff(ProductsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Makes a copy as a draft";
        Post "/console/products/{id}/pictures" upload_pictures_form: Staff(ProductsWrite), PERSON, Write, Upload, None,
            Token, query(), request(), 303(), "Adds pictures";
        Post "/console/products/{id}/pictures/order" arrange_pictures_form: Staff(ProductsWrite), PERSON, Write, Form,
            None, Token, query(), request(), 303(), "Orders, describes and takes away pictures";
        Get "/console/products/{id}/variants/new" new_variant_page: Staff(ProductsWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "A form for another variant";
        Post "/console/products/{id}/variants" create_variant_form: Staff(ProductsWrite), PERSON, Write, Form, None,
            Token, query(), request(), 303(), "Makes another variant";
        Get "/console/products/{id}/variants/{variant}" variant_page: Staff(ProductsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One variant with its prices";
        Post "/console/products/{id}/variants/{variant}" update_variant_form: Staff(ProductsWrite), PERSON, Write, Form,
            None, Token, query(), request(), 303(), "Saves a variant and its prices";
        Post "/console/products/{id}/variants/{variant}/status" change_variant_status_form: Staff(ProductsWrite), PERSON,
            Write, Form, None, Token, query(), request(), 303(), "Archives a variant, or takes it back into use";
    }
}

fn product(call: &Call, id: ProductId) -> Result<Product, Problem> {
    call.read(GroupKind::Catalogue, |view| catalog::product(view, id))
        .ok_or_else(|| Problem::not_found("product"))
}

fn variant(call: &Call, product: &Product, id: VariantId) -> Result<Variant, Problem> {
    let found = call.read(GroupKind::Catalogue, |view| catalog::variant(view, id));
    found.filter(|variant| variant.product == product.id).ok_or_else(|| Problem::not_found("variant"))
}

fn name_of(product: &Product, default: &Locale) -> String {
    product.details.name.words(default, default).to_owned()
}

fn path_of(product: ProductId) -> String {
    format!("/console/products/{product}")
}
