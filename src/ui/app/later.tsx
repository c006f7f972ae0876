import { Component, type ComponentType, lazy, type ReactNode, Suspense } from "react";
import { useSession } from "./context.ts";

/** A part of the page whose program is fetched when it is first shown. What cannot be fetched is said in the notice. */
export function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): (props: P) => ReactNode {
  const Shown = lazy(load);
  return function Later(props: P) {
    const { store } = useSession();
    return (
      <Missing
        onMissing={() =>
          store.setState({
            dialog: null,
            tour: null,
            notice:
              "A part of the page could not be fetched. Load the page again; the address bar keeps what is on screen.",
          })
        }
      >
        <Suspense fallback={null}>
          <Shown {...props} />
        </Suspense>
      </Missing>
    );
  };
}

class Missing extends Component<{ onMissing: () => void; children: ReactNode }, { missing: boolean }> {
  override state = { missing: false };

  static getDerivedStateFromError(): { missing: boolean } {
    return { missing: true };
  }

  override componentDidCatch(): void {
    this.props.onMissing();
  }

  override render(): ReactNode {
    return this.state.missing ? null : this.props.children;
  }
}
