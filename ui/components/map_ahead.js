// What the map needs before it can draw: plotly and the points, each asked for once and kept. `prepare` asks before the tab
// is shown, so that choosing it finds everything there.

import { getBytes, getJson, t } from "./dom.js";
import { Points } from "./scatter_points.js";

class Ahead {
  #script = null;
  #points = { projection: null, found: null };

  /** The plotly library; a failed try is made again by the next call. */
  plotly() {
    this.#script ??= new Promise((done, fail) => {
      const element = document.createElement("script");
      element.src = new URL("kizu/plotly.min.js", document.baseURI);
      element.onload = () => done(window.Plotly);
      element.onerror = () => {
        this.#script = null;
        element.remove();
        fail(new Error(t("map.broken")));
      };
      document.head.append(element);
    });
    return this.#script;
  }

  /** The points of a projection, which never change; the newest projection's are kept. */
  points(projection) {
    if (this.#points.projection !== projection) {
      const query = `projection=${projection}`;
      const side = (name) => getBytes(`kizu/map/${name}.bin?${query}`);
      const found = Promise.all([getBytes(`kizu/points.bin?${query}`), side("ids")]).then(([points, ids]) => new Points(points, ids, side));
      this.#points = { projection, found };
      found.catch(() => (this.#points = { projection: null, found: null }));
    }
    return this.#points.found;
  }

  /** Loads both where there is a map. What fails here fails again, in words, when the tab is shown. */
  async prepare() {
    try {
      const { projection } = await getJson("kizu/map/state");
      if (projection) await Promise.all([this.plotly(), this.points(projection)]);
    } catch (error) {
      console.warn(`the map could not be prepared: ${error.message}`);
    }
  }
}

export const ahead = new Ahead();
