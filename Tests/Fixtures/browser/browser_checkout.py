"""Buys in the web shop as a customer does, in a headless Chromium, and says what was wrong.

    python3 browser_checkout.py http://127.0.0.1:8080 --screenshots FOLDER [--chromedriver PATH] [--chromium PATH]

One approved order on a wide screen ends CONFIRMED, one declined order on a 360 px screen ends
CANCELLED. Exit code 0: all is well; 1: something is wrong with the shop; 2: the browser did not
start. Every wait is for a fact with a deadline, none for time to pass.
"""

import argparse
import base64
import os
import pathlib
import sys

from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

WIDE = (1280, 800)
NARROW = (360, 740)
LOAD_LIMIT_SECONDS = 20
ORDER_LIMIT_SECONDS = 60
GOOD_PATH = [
    "OrderPlaced", "StockReserved", "PaymentAuthorized", "StockCommitted", "PaymentCaptured", "OrderConfirmed",
]


class Failure(Exception):
    """What a customer would have seen that is not right."""


class Shop:
    """The page, by its `data-testid` marks."""

    def __init__(self, driver, folder):
        self.driver = driver
        self.folder = folder
        self.width = 0

    def find(self, mark):
        return self.driver.find_element(By.CSS_SELECTOR, f'[data-testid="{mark}"]')

    def find_all(self, mark_prefix):
        return self.driver.find_elements(By.CSS_SELECTOR, f'[data-testid^="{mark_prefix}"]')

    def wait(self, what, condition, limit=LOAD_LIMIT_SECONDS):
        waiting = WebDriverWait(self.driver, limit, poll_frequency=0.05, ignored_exceptions=(WebDriverException,))
        try:
            return waiting.until(lambda _: condition())
        except TimeoutException:
            raise Failure(f"{what}: not within {limit} s. {self.describe()}") from None

    def describe(self):
        """What the page shows, for a failure's message."""
        script = """
            const text = (mark) => document.querySelector(`[data-testid="${mark}"]`)?.innerText?.replace(/\\s+/g, " ") ?? "";
            return `Notice: "${text("notice")}". Order: "${text("order")}". Cart: "${text("lines")}".`;
        """
        try:
            return self.driver.execute_script(script)
        except WebDriverException as error:
            return f"(the page does not answer: {error.msg})"

    def resize(self, size):
        self.width, height = size
        metrics = {"width": self.width, "height": height, "deviceScaleFactor": 1, "mobile": self.width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def photograph(self, name):
        picture = self.driver.execute_cdp_cmd("Page.captureScreenshot", {})
        (self.folder / f"{name}-{self.width}.png").write_bytes(base64.b64decode(picture["data"]))

    def open(self, url):
        self.driver.get(url)
        self.wait("the shelves show products", lambda: self.find_all("add-"))

    def sku_in_stock(self):
        for stock in self.find_all("stock-"):
            if stock.text.split(" ")[0].isdigit():
                return stock.get_attribute("data-testid").removeprefix("stock-")
        raise Failure(f"no product is in stock. {self.describe()}")

    def click(self, mark):
        target = self.wait(f"'{mark}' can be clicked", lambda: self.enabled(mark))
        # In the middle of the screen nothing of the page's frame covers it.
        self.driver.execute_script('arguments[0].scrollIntoView({ block: "center", behavior: "instant" })', target)
        target.click()

    def enabled(self, mark):
        target = self.find(mark)
        return target if target.is_enabled() else None

    def buy(self, sku, card, expected):
        """Orders one piece and waits for the end; returns the types of the timeline's steps."""
        before = self.find("order").get_attribute("data-order")
        self.click(f"add-{sku}")
        self.wait(f"the cart holds one {sku}", lambda: self.find(f"quantity-{sku}").text == "1")
        self.click(f"card-{card}")
        self.click("checkout")
        order = self.find("order")
        self.wait("the order was accepted", lambda: order.get_attribute("data-order") != before)
        self.wait(
            f"the order with {card} has ended", lambda: order.get_attribute("data-status") != "PENDING",
            ORDER_LIMIT_SECONDS)
        status = order.get_attribute("data-status")
        if status != expected:
            raise Failure(f"the order with {card} is {status}, not {expected}. {self.describe()}")
        verdict = self.find("order-result").text
        if expected not in verdict or "{" in verdict:
            raise Failure(f"the result does not read like a sentence with {expected}: {verdict!r}")
        return [step.get_attribute("data-type") for step in self.find_all("step-")]

    def check_width(self):
        wanted = self.driver.execute_script("return document.documentElement.scrollWidth")
        if wanted > self.width:
            raise Failure(f"at {self.width} px the page scrolls sideways: it is {wanted} px wide")

    def check_console(self):
        errors = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        if errors:
            raise Failure("the browser's console shows errors:\n  " + "\n  ".join(errors))


def check_steps(steps, expected_in_order):
    """The expected steps are there, in this order, each once."""
    found = [step for step in steps if step in expected_in_order]
    if found != expected_in_order:
        raise Failure(f"the timeline shows {steps}; expected, in order: {expected_in_order}")


def walk(shop, url):
    shop.resize(WIDE)
    shop.open(url)
    shop.check_width()
    shop.photograph("1-shelves")
    sku = shop.sku_in_stock()

    steps = shop.buy(sku, "tok_ok", "CONFIRMED")
    check_steps(steps, GOOD_PATH)
    shop.check_width()
    shop.photograph("2-confirmed")
    print(f"CONFIRMED: one {sku}, {len(steps)} steps")
    shop.wait("the cart is empty after the order", lambda: shop.find("cart-count").text == "0")

    shop.resize(NARROW)
    shop.open(url)
    shop.check_width()
    shop.photograph("3-shelves")
    steps = shop.buy(sku, "tok_declined", "CANCELLED")
    check_steps(steps, ["OrderPlaced", "PaymentDeclined", "StockReleased", "OrderCancelled"])
    reason = shop.find("order-reason").text
    if "declined" not in reason:
        raise Failure(f"the reason does not say that the card was declined: {reason!r}")
    shop.check_width()
    shop.photograph("4-cancelled")
    print(f"CANCELLED: {reason}")

    shop.wait("the list shows both orders", lambda: len(shop.find_all("order-row-")) == 2)
    shop.wait("the cart can be ordered again", lambda: shop.enabled("checkout"))
    shop.check_console()


def start_browser(options):
    chrome = webdriver.ChromeOptions()
    if options.chromium:
        chrome.binary_location = options.chromium
    flags = [
        "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
        "--hide-scrollbars", "--force-prefers-reduced-motion",
    ]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium's sandbox refuses root.
    for flag in flags:
        chrome.add_argument(flag)
    chrome.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(options.chromedriver) if options.chromedriver else Service()
    return webdriver.Chrome(options=chrome, service=service)


def main():
    parser = argparse.ArgumentParser(description="Buys in the web shop with a headless Chromium.")
    parser.add_argument("url", help="base URL of the gateway")
    parser.add_argument("--screenshots", type=pathlib.Path, required=True, help="folder for the pictures")
    parser.add_argument("--chromedriver", help="path of chromedriver")
    parser.add_argument("--chromium", help="path of the browser")
    options = parser.parse_args()
    options.screenshots.mkdir(parents=True, exist_ok=True)
    try:
        driver = start_browser(options)
    except WebDriverException as error:
        print(f"The browser did not start: {error.msg}", file=sys.stderr)
        return 2
    shop = Shop(driver, options.screenshots)
    try:
        walk(shop, options.url)
    except Failure as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        shop.photograph("failed")
        return 1
    except WebDriverException as error:
        print(f"FAILED: the browser answered: {error.msg}", file=sys.stderr)
        return 1
    finally:
        driver.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main())
