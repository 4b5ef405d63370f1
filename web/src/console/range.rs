//! What products refer to and merchants keep: categories and add-ons.

mod add_ons;
mod categories;

pub use categories::in_tree_order;

use crate::routes::{Route, routes};
use add_ons::{
    add_on_page, change_add_on_status_form, create_add_on_form, list_add_ons_page, new_add_on_page,
    update_add_on_form,
};
use categories::{
    category_page, change_category_status_form, create_category_form, list_categories_page,
    new_category_page, update_category_form,
};

pub fn routes() -> Vec<Route> {
    routes! { "Console: range", Console, Shop;
        Get "/console/categories" list_categories_page: Staff(ProductsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Categories as a tree";
        Get "/console/categories/new" new_category_page: Staff(ProductsWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "A form for another category";
        Post "/console/categories" create_category_form: Staff(ProductsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Makes a category";
        Get "/console/categories/{id}" category_page: Staff(ProductsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One category";
        Post "/console/categories/{id}" update_category_form: Staff(ProductsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Saves a category";
        Post "/console/categories/{id}/status" change_category_status_form: Staff(ProductsWrite), PERSON, Write, Form,
            None, Token, query(), request(), 303(), "Archives a category, or takes it back into use";
        Get "/console/add-ons" list_add_ons_page: Staff(ProductsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Add-ons";
        Get "/console/add-ons/new" new_add_on_page: Staff(ProductsWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "A form for another add-on";
        Post "/console/add-ons" create_add_on_form: Staff(ProductsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Makes an add-on";
        Get "/console/add-ons/{id}" add_on_page: Staff(ProductsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One add-on";
        Post "/console/add-ons/{id}" update_add_on_form: Staff(ProductsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Saves an add-on";
        Post "/console/add-ons/{id}/status" change_add_on_status_form: Staff(ProductsWrite), PERSON, Write, Form, None,
            Token, query(), request(), 303(), "Archives an add-on, or takes it back into use";
    }
}
