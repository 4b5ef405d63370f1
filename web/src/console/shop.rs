//! The shop's own affairs: delivery, taxes, branding, settings, pages, staff, and the mails it sent.

mod areas;
mod bands;
mod branding;
mod delivery;
mod mails;
mod pages;
mod rates;
mod settings;
mod spans;
pub mod staff;
mod taxes;

use crate::routes::{Route, routes};
use branding::{branding_page, update_branding_form};
use delivery::{
    change_rate_status_form, create_delivery_zone_form, delivery_page, delivery_zone_page,
    new_delivery_zone_page, remove_delivery_zone_form, update_delivery_zone_form,
};
use mails::{mail_page, outbox_page};
use pages::{edit_page_page, pages_page, update_legal_form, update_page_form};
use rates::{create_rate_form, new_rate_page, rate_page, update_rate_form};
use settings::{settings_page, update_name_form, update_origins_form, update_settings_form};
use staff::{add_staff_form, change_staff_form, new_staff_page, staff_page};
use taxes::{
    create_tax_zone_form, new_tax_zone_page, put_tax_category_form, remove_tax_zone_form, set_tax_rates_form,
    tax_rates_page, tax_zone_page, taxes_page, update_tax_zone_form,
};

pub fn routes() -> Vec<Route> {
    let mut all = money_and_ways();
    all.extend(looks_and_people());
    all
}

fn money_and_ways() -> Vec<Route> {
    routes! { "Console: delivery and taxes", Console, Shop;
        Get "/console/delivery" delivery_page: Staff(SettingsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Delivery zones and their rates";
        Get "/console/delivery/new" new_delivery_zone_page: Staff(SettingsWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "A form for another zone";
        Post "/console/delivery" create_delivery_zone_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Makes a delivery zone";
        Get "/console/delivery/{zone}" delivery_zone_page: Staff(SettingsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One delivery zone";
        Post "/console/delivery/{zone}" update_delivery_zone_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Saves a delivery zone";
        Post "/console/delivery/{zone}/remove" remove_delivery_zone_form: Staff(SettingsWrite), PERSON, Write, Form, None,
            Token, query(), request(), 303(), "Takes a delivery zone away with its rates";
        Get "/console/delivery/{zone}/rates/new" new_rate_page: Staff(SettingsWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "A form for another rate";
        Post "/console/delivery/{zone}/rates" create_rate_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Makes a delivery rate";
        Get "/console/rates/{rate}" rate_page: Staff(SettingsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One delivery rate";
        Post "/console/rates/{rate}" update_rate_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Saves a delivery rate";
        Post "/console/rates/{rate}/status" change_rate_status_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Archives a rate, or takes it back into use";
        Get "/console/taxes" taxes_page: Staff(SettingsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Tax zones with their rates";
        Post "/console/taxes/categories" put_tax_category_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Adds a tax category";
        Get "/console/taxes/new" new_tax_zone_page: Staff(SettingsWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "A form for another tax zone";
        Post "/console/taxes" create_tax_zone_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Makes a tax zone";
        Get "/console/taxes/{zone}" tax_zone_page: Staff(SettingsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One tax zone";
        Post "/console/taxes/{zone}" update_tax_zone_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Saves a tax zone";
        Post "/console/taxes/{zone}/remove" remove_tax_zone_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Takes a tax zone away with its rates";
        Get "/console/taxes/{zone}/rates/{category}" tax_rates_page: Staff(SettingsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "The taxes on a category in a zone";
        Post "/console/taxes/{zone}/rates/{category}" set_tax_rates_form: Staff(SettingsWrite), PERSON, Write, Form, None,
            Token, query(), request(), 303(), "Sets the taxes on a category in a zone";
    }
}

fn looks_and_people() -> Vec<Route> {
    routes! { "Console: shop", Console, Shop;
        Get "/console/branding" branding_page: Staff(SettingsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Colours, type and logo";
        Post "/console/branding" update_branding_form: Staff(SettingsWrite), PERSON, Write, Upload, None, Token,
            query(), request(), 303(), "Saves the branding";
        Get "/console/settings" settings_page: Staff(SettingsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Currencies, languages, payments, rounding, lifetimes";
        Post "/console/settings" update_settings_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Saves the settings";
        Post "/console/settings/name" update_name_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Renames the shop";
        Post "/console/settings/origins" update_origins_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Lists the other websites that may use the shop's interface";
        Get "/console/pages" pages_page: Staff(SettingsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Pages every shop needs, and who sells";
        Post "/console/pages/legal" update_legal_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Says who sells";
        Get "/console/pages/{kind}" edit_page_page: Staff(SettingsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One page, in Markdown";
        Post "/console/pages/{kind}" update_page_form: Staff(SettingsWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Saves a page";
        Get "/console/staff" staff_page: Staff(StaffRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "People who work here";
        Get "/console/staff/new" new_staff_page: Staff(StaffWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "A form for another colleague";
        Post "/console/staff" add_staff_form: Staff(StaffWrite), PERSON, Write, Form, None, Token,
            query(), request(), 200(), "Adds a colleague and shows their link, once";
        Post "/console/staff/{staff}" change_staff_form: Staff(StaffWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Changes a role, locks somebody out, lets them in again";
        Get "/console/outbox" outbox_page: Staff(OrdersRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Mails, the newest first";
        Get "/console/outbox/{mail}" mail_page: Staff(OrdersRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One mail as it reads";
    }
}
