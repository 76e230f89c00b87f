"""What a customer does: puts something into the basket, looks at it twice."""

import uuid

from locust import FastHttpUser, between, task


class Customer(FastHttpUser):
    wait_time = between(0.02, 0.08)

    @task
    def shop(self):
        me = uuid.uuid4().hex
        self.client.post(f"/baskets/{me}/book", name="put")
        for _ in range(2):
            with self.client.get(f"/baskets/{me}", name="look", catch_response=True) as answer:
                if answer.json().get("products") != ["book"]:
                    answer.failure("the book is not there")
