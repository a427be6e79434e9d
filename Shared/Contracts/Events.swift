package import Basics

/// What Order announces on `order.events.v1`, once, after a saga has ended (D1).
package enum OrderEvents {
    package struct OrderConfirmed: Payload {
        package static let type = "OrderConfirmed"
        package let orderID: OrderID
        package let customerID: CustomerID
        package let cartID: CartID
        package let cartVersion: Int64
        package let lines: [Line]
        package let total: Money

        package init(
            orderID: OrderID, customerID: CustomerID, cartID: CartID, cartVersion: Int64,
            lines: [Line], total: Money
        ) {
            self.orderID = orderID
            self.customerID = customerID
            self.cartID = cartID
            self.cartVersion = cartVersion
            self.lines = lines
            self.total = total
        }

        enum CodingKeys: String, CodingKey {
            case orderID = "order_id"
            case customerID = "customer_id"
            case cartID = "cart_id"
            case cartVersion = "cart_version"
            case lines, total
        }
    }

    package struct OrderCancelled: Payload {
        package static let type = "OrderCancelled"
        package let orderID: OrderID
        package let customerID: CustomerID
        package let cartID: CartID
        package let cartVersion: Int64
        package let reason: String

        package init(
            orderID: OrderID, customerID: CustomerID, cartID: CartID, cartVersion: Int64,
            reason: String
        ) {
            self.orderID = orderID
            self.customerID = customerID
            self.cartID = cartID
            self.cartVersion = cartVersion
            self.reason = reason
        }

        enum CodingKeys: String, CodingKey {
            case orderID = "order_id"
            case customerID = "customer_id"
            case cartID = "cart_id"
            case cartVersion = "cart_version"
            case reason
        }
    }
}
