import type { Product } from "@chatserver/client";
import { Tag } from "lucide-react";

import { isPicture } from "../lib/linkify.js";
import styles from "./ProductCard.module.css";

/** What a conversation is about. */
export function ProductCard({ product }: { product: Product }) {
  return (
    <aside className={styles.card} aria-label="Product">
      {isPicture(product.image) ? (
        <img src={product.image} alt="" referrerPolicy="no-referrer" />
      ) : (
        <Tag />
      )}
      <p>
        <small>About</small>
        <b>{product.title ?? `Product ${product.id}`}</b>
      </p>
    </aside>
  );
}
